"""The last line of a run: where to look and what to type next."""

import logging
import os
import shlex
from pathlib import Path

log = logging.getLogger(__name__)


def log_closing(folder: str | Path, look: str, shows: str, *command: str) -> None:
    """Logs which file of a run shows its result, and the command that goes on from there.

    Args:
        folder: of the run; named relative to the current directory if it is inside.
        look: file in ``folder``.
        shows: what is seen there.
        command: words after ``python``; ``{}`` in one stands for the folder.

    Example:
        >>> import sys
        >>> log.setLevel("INFO"); log.addHandler(handler := logging.StreamHandler(sys.stdout))
        >>> log_closing("runs/first", "contact_sheet.png", "the images", "train.py", "train.root={}")
        runs/first/contact_sheet.png shows the images; next: python train.py train.root=runs/first
        >>> log.removeHandler(handler)
    """
    inside = os.path.relpath(folder)
    place = str(folder) if inside.startswith("..") else inside
    words = [shlex.quote(word.replace("{}", place)) for word in command]
    log.info("%s shows %s; next: python %s", Path(place) / look, shows, " ".join(words))
