"""Paths that text files name."""

import os
from pathlib import Path

from diode_pl.io.text_files import read_text

_MARK = "\ufeff"


def resolve_written(folder: Path, written: str) -> Path:
    """Path that a text names, relative to ``folder``.

    Backslashes separate folders, as on Windows, unless there is a file that has them in its name.

    Example:
        >>> resolve_written(Path("set"), "train\\\\1.png").as_posix()
        'set/train/1.png'
    """
    path = folder / written
    return folder / written.replace("\\", "/") if "\\" in written and not os.path.exists(path) else path


def read_list(path: str | Path) -> list[str]:
    """Lines of a text file without the empty ones, and without spaces and byte order marks around them.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not in UTF-8.
    """
    # Joined lists have a mark at the beginning of each part.
    lines = [line.strip().strip(_MARK).strip() for line in read_text(path).split("\n")]
    return [line for line in lines if line]
