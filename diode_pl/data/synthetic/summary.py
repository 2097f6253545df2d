"""Statistics of a synthetic set."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

_BINS = 10


def summarize(records: Sequence[Mapping[str, Any]], class_names: Sequence[str]) -> dict[str, Any]:
    """Totals, histograms and means over the records of at least one batch.

    Returns:
        Plain data: counts, ``classes`` (boxes per class), ``box_side`` (boxes by square root of their share of the
        image, in tenths), mean of each score over images, seconds, seconds per image, data access level.
    """
    images = [entry for record in records for entry in record["images"]]
    labels = Counter(label for entry in images for label in entry["labels"])
    sides = Counter(
        min(_BINS - 1, int(_BINS * (box[2] * box[3] / (entry["width"] * entry["height"])) ** 0.5))
        for entry in images
        for box in entry["boxes"]
    )
    seconds, weights = sum(record["seconds"] for record in records), [len(record["images"]) for record in records]
    names = [name for name in records[0]["scores"] if all(name in record["scores"] for record in records)]
    scores = {name: round(fmean((record["scores"][name] for record in records), weights), 4) for name in names}
    return {
        "images": len(images),
        "boxes": labels.total(),
        "boxes_per_image": round(labels.total() / len(images), 4),
        "batches": len(records),
        "scores": scores,
        "seconds": round(seconds, 1),
        "seconds_per_image": round(seconds / len(images), 3),
        "data_access": records[0]["data_access"],
        "classes": {name: labels[i] for i, name in enumerate(class_names)},
        "box_side": {f"{i / _BINS:.1f}-{(i + 1) / _BINS:.1f}": sides[i] for i in range(_BINS)},
        "versions": records[0]["versions"],
    }
