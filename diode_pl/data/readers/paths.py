"""Paths of the files of a data set."""

from pathlib import Path

_SPLIT = "{split}"


def resolve_path(pattern: str | Path, split: str | None) -> Path:
    """Fills in ``{split}`` and ``~``.

    Raises:
        ValueError: if ``pattern`` contains ``{split}`` and ``split`` is None.
    """
    if _SPLIT in str(pattern) and split is None:
        raise ValueError(f"split: {str(pattern)!r} needs one, got null; name it, or write a path without {_SPLIT}")
    # No str.format: other braces belong to the path.
    return Path(str(pattern).replace(_SPLIT, split or "")).expanduser()


def require_folder(path: Path, name: str, content: str) -> Path:
    """Returns the path of a folder.

    Raises:
        ValueError: if it does not exist; the message states the ``name`` of the argument and the expected ``content``.
    """
    if not path.is_dir():
        raise ValueError(f"{name}: {path.resolve()} is not a folder; expected that of {content}")
    return path
