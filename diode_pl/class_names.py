"""Reading and matching of class names."""

from collections.abc import Sequence
from pathlib import Path

# Spellings of COCO's classes in Pascal VOC and Darknet's name file.
_SYNONYMS = {
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "motorbike": "motorcycle",
    "pottedplant": "potted plant",
    "sofa": "couch",
    "tvmonitor": "tv",
}


def read_names(names: str | Path | Sequence[str]) -> list[str]:
    """Class names in the order of their labels, given as such or as the path of a file with one name per line."""
    if not isinstance(names, str | Path):
        return list(names)
    lines = Path(names).read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip()]


def match_classes(names: Sequence[str], others: Sequence[str]) -> list[int]:
    """Index in ``others`` of each of ``names``, -1 if missing; ignores case and differences of COCO and Pascal VOC.

    Example:
        >>> match_classes(["TVmonitor", "mug"], ["person", "tv"])
        [1, -1]
    """
    index = {_canonical(name): i for i, name in enumerate(others)}
    return [index.get(_canonical(name), -1) for name in names]


def _canonical(name: str) -> str:
    lower = name.strip().lower()
    return _SYNONYMS.get(lower, lower)
