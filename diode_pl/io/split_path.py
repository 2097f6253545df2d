"""Paths of sets that come in parts, such as ``{split}`` of ``train`` and ``val``."""

from pathlib import Path

_SPLIT = "{split}"


def resolve_path(pattern: str | Path, split: str | None) -> Path:
    """Fills in ``{split}`` and ``~``.

    Raises:
        ValueError: if ``pattern`` contains ``{split}`` and ``split`` is None.
    """
    if _SPLIT in str(pattern) and split is None:
        raise ValueError(f"split: {str(pattern)!r} needs one, got None; name it, or write a path without {_SPLIT}")
    # No str.format: other braces belong to the path.
    return Path(str(pattern).replace(_SPLIT, split or "")).expanduser()
