"""Paths of the files of a data set."""

from pathlib import Path

_SPLIT = "{split}"


def resolve_path(pattern: str | Path, split: str | None) -> Path:
    """Fills in ``{split}`` and ``~``.

    Raises:
        ValueError: it asks for a split where there is none.
    """
    if _SPLIT in str(pattern) and split is None:
        raise ValueError(f"split: {str(pattern)!r} needs one, got null; name it, or write a path without {_SPLIT}")
    # No str.format: other braces belong to the path.
    return Path(str(pattern).replace(_SPLIT, split or "")).expanduser()


def require_folder(path: Path, name: str, content: str) -> Path:
    """Checks that a folder exists, and returns its path.

    Args:
        path: of the folder.
        name: of the argument that holds the path, for the message.
        content: what lies there, for the message.

    Raises:
        ValueError: it is not there.
    """
    if not path.is_dir():
        raise ValueError(f"{name}: {path.resolve()} is no folder; expected that of {content}")
    return path
