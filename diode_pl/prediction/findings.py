"""What was found in pictures: boxes in pixels, files and a table.

An entry is one picture: ``id``, ``file_name``, ``width``, ``height``, ``labels``, ``boxes`` (absolute x, y, w, h) and
``scores``, as :mod:`diode_pl.data.synthetic.description` takes them.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from diode_pl.detector import Detections

_PLACES = 2  # of a pixel


def picture_entry(number: int, name: str, size: tuple[int, int], found: Detections) -> dict[str, Any]:
    """The entry of a picture.

    Args:
        number: its id.
        name: its path, relative to the source.
        size: its height and width in pixels.
        found: its detections.
    """
    height, width = size
    corners = (found.boxes.double().cpu() * found.boxes.new_tensor([width, height] * 2).double().cpu()).tolist()
    boxes = [[round(value, _PLACES) for value in (x1, y1, x2 - x1, y2 - y1)] for x1, y1, x2, y2 in corners]
    entry = {"id": number, "file_name": name, "width": width, "height": height, "boxes": boxes}
    return entry | {"labels": found.labels.tolist(), "scores": [round(score, 4) for score in found.scores.tolist()]}


def to_coco_results(entries: Sequence[Mapping[str, Any]]) -> bytes:
    """COCO's format of results, for ``pycocotools`` beside the annotation file of the same entries."""
    results = [
        {"image_id": entry["id"], "category_id": label + 1, "bbox": box, "score": score}
        for entry in entries
        for label, box, score in zip(entry["labels"], entry["boxes"], entry["scores"], strict=True)
    ]
    return json.dumps(results).encode()


def count_by_class(
    entries: Sequence[Mapping[str, Any]], class_names: Sequence[str]
) -> dict[str, dict[str, int | float]]:
    """``pictures``, ``boxes`` and ``mean_score`` of every class that was found, and of ``all``."""
    found = [(i, label, s) for i, e in enumerate(entries) for label, s in zip(e["labels"], e["scores"], strict=True)]
    rows = {name: [each for each in found if each[1] == label] for label, name in enumerate(class_names)}
    return {
        name: {
            "pictures": len({picture for picture, _, _ in boxes}),
            "boxes": len(boxes),
            "mean_score": round(sum(score for _, _, score in boxes) / max(1, len(boxes)), 4),
        }
        for name, boxes in [*rows.items(), ("all", found)]
        if boxes or name == "all"
    }


def draw_table(counts: Mapping[str, Mapping[str, int | float]]) -> str:
    """The rows of :func:`count_by_class` as text.

    Example:
        >>> print(draw_table({"all": {"pictures": 2, "boxes": 3, "mean_score": 0.5}}))
        class  pictures  boxes  mean score
        all           2      3       0.500
    """
    wide = max(len("class"), *map(len, counts))
    lines = [f"{'class':<{wide}}  pictures  boxes  mean score"]
    lines += [
        f"{name:<{wide}}  {row['pictures']:>8}  {row['boxes']:>5}  {row['mean_score']:>10.3f}"
        for name, row in counts.items()
    ]
    return "\n".join(lines)
