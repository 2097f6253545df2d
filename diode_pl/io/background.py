"""The name of what is not an object, which programs write among the classes."""

import logging
import re
from collections.abc import Sequence
from pathlib import Path

from diode_pl.io.quoting import shorten

log = logging.getLogger(__name__)

_BACKGROUND = re.compile("_+background_+", re.IGNORECASE)  # torchvision's spelling, and that of labelme


def is_background(name: str) -> bool:
    """Whether a name says that there is no object; ``background`` alone may be one, such as a layer that is labeled.

    Example:
        >>> [is_background(name) for name in ("__background__", " _BACKGROUND_", "background")]
        [True, True, False]
    """
    return _BACKGROUND.fullmatch(name.strip()) is not None


def report_background(source: str | Path, entries: Sequence[str]) -> None:
    """Logs the ``entries`` of a ``source`` that a reader leaves out for :func:`is_background`, if there are any."""
    if entries:
        text = "%s: %d boxes are of the background, which is not an object, and are left out; the first is %s"
        log.warning(text, source, len(entries), shorten(entries[0]))
