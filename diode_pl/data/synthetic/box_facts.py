"""What is known of each box of a batch beside its place and class."""

from collections.abc import Mapping
from typing import Any

from diode_pl.data.accept.sightings import CONFIDENCE, best_scores


def describe_boxes(record: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """Further fields of the boxes of each image, for the annotation file; what is not known is not there.

    Args:
        record: of a batch.

    Returns:
        ``score``: of the teacher's detection of the box, 0 if it does not see it. ``origin``: ``sampled``, or ``grown``
        if the teacher added it. ``verifier_score`` and ``seen_by_verifier``, if the verifier knows the class.

    Example:
        >>> box = {"boxes": [[0, 0, 9, 9]], "labels": [1]}
        >>> describe_boxes({"images": [box], "detections": {"teacher": [box | {"scores": [0.5]}]}})
        [[{'score': 0.5}]]
    """
    fields: list[list[dict[str, Any]]] = [[{} for _ in entry["labels"]] for entry in record["images"]]
    for role, name in (("teacher", "score"), ("verifier", "verifier_score")):
        known = record.get("known_classes", {}).get(role)
        for entry, found, boxes in zip(
            record["images"], record.get("detections", {}).get(role, ()), fields, strict=False
        ):
            for box, score in zip(boxes, best_scores(entry, found, known), strict=True):
                box |= {} if score is None else {name: score}
                if score is not None and role == "verifier":
                    box["seen_by_verifier"] = score >= CONFIDENCE
    for boxes, origins in zip(fields, record.get("origins", ()), strict=False):
        for box, origin in zip(boxes, origins, strict=False):
            box["origin"] = origin
    return fields
