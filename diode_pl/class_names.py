"""Class names: reading them, and finding those of one data set among another's."""

from collections.abc import Sequence
from pathlib import Path

# COCO's classes as Pascal VOC and Darknet's name file spell them.
_SYNONYMS = {
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "motorbike": "motorcycle",
    "pottedplant": "potted plant",
    "sofa": "couch",
    "tvmonitor": "tv",
}


def read_names(names: str | Path | Sequence[str]) -> list[str]:
    """Class names in the order of their labels.

    Args:
        names: path of a file with one name a line, or the names themselves.
    """
    if not isinstance(names, str | Path):
        return list(names)
    lines = Path(names).read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip()]


def match_classes(names: Sequence[str], others: Sequence[str]) -> list[int]:
    """The position in ``others`` of each of ``names``, -1 for one that is not there.

    Upper and lower case count as the same, as do COCO's and Pascal VOC's spellings of one class.
    """
    index = {_canonical(name): i for i, name in enumerate(others)}
    return [index.get(_canonical(name), -1) for name in names]


def _canonical(name: str) -> str:
    lower = name.strip().lower()
    return _SYNONYMS.get(lower, lower)
