"""Class names of one data set in terms of another's."""

from collections.abc import Sequence

# COCO's classes as Pascal VOC and Darknet's name file spell them.
_SYNONYMS = {
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "motorbike": "motorcycle",
    "pottedplant": "potted plant",
    "sofa": "couch",
    "tvmonitor": "tv",
}


def match_classes(names: Sequence[str], others: Sequence[str]) -> list[int]:
    """The position in ``others`` of each of ``names``, -1 for one that is not there.

    Upper and lower case count as the same, as do COCO's and Pascal VOC's spellings of one class.
    """
    index = {_canonical(name): i for i, name in enumerate(others)}
    return [index.get(_canonical(name), -1) for name in names]


def _canonical(name: str) -> str:
    lower = name.strip().lower()
    return _SYNONYMS.get(lower, lower)
