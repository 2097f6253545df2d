"""Where the files of a data set lie."""

from pathlib import Path

_SPLIT = "{split}"


def place(pattern: str | Path, split: str | None) -> Path:
    """A path with ``{split}`` in it filled in, and ``~`` too.

    Raises:
        ValueError: it asks for a split where there is none.
    """
    if _SPLIT in str(pattern) and split is None:
        raise ValueError(f"split: {str(pattern)!r} needs one, got null; write split=NAME, or a path without {_SPLIT}")
    # No str.format: other braces belong to the path.
    return Path(str(pattern).replace(_SPLIT, split or "")).expanduser()


def existing_folder(path: Path, key: str) -> Path:
    """Hands on the path of a folder that is there.

    Args:
        path: of the folder.
        key: the setting that names it, for the message.

    Raises:
        ValueError: it is not there.
    """
    if not path.is_dir():
        raise ValueError(f"{key}: {path.resolve()} is no folder; {key} must name where the data set lies")
    return path
