"""The last line of a run: where to look and what to type next."""

import logging
import os
import re
import shlex
from pathlib import Path

from diode_pl.detector import Detector

log = logging.getLogger(__name__)

_SPECIAL = re.compile(r"[,={}()\[\]]")  # for Hydra, which would see several values


def predict_words(detector: Detector, weights: str) -> list[str]:
    """The command that predicts with a detector's weights file, after ``python``.

    Weights files of a detector of one's own state no architecture, thus its configuration is part of the command.
    """
    stated = "architecture" in detector.weights_metadata()
    own = [] if stated else ["--config-dir", "DIR", "detector=NAME"]
    return ["predict.py", *own, f"weights={weights}", "source=DIR"]


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
    words = [shlex.quote(_fill(word, place)) for word in command]
    log.info("%s shows %s; next: python %s", Path(place) / look, shows, " ".join(words))


def _fill(word: str, place: str) -> str:
    """Puts a folder into a word; its name may hold what Hydra takes for a list, as those of jobs of a sweep do."""
    key, equals, value = word.partition("=")
    path = value.replace("{}", place)
    return f'{key}{equals}"{path}"' if path != value and _SPECIAL.search(path) else f"{key}{equals}{path}"
