"""Conversion to the formats of COCO and YOLO tools.

Written by hand: pycocotools only reads, and packages that write both depend on OpenCV. An entry is an image of a batch
record: ``id``, ``file_name``, ``width``, ``height``, ``labels``, ``boxes`` (absolute x, y, w, h).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def to_coco_json(entries: Sequence[Mapping[str, Any]], class_names: Sequence[str]) -> bytes:
    """A COCO annotation file; categories count from 1 in the order of the names."""
    boxes = [
        {"image_id": entry["id"], "category_id": label + 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
        for entry in entries
        for label, box in zip(entry["labels"], entry["boxes"], strict=True)
    ]
    content = {
        "images": [{key: entry[key] for key in ("id", "file_name", "width", "height")} for entry in entries],
        "categories": [{"id": i + 1, "name": name} for i, name in enumerate(class_names)],
        # pycocotools takes an annotation id of 0 for "no match": count from 1.
        "annotations": [{"id": i + 1} | box for i, box in enumerate(boxes)],
    }
    return json.dumps(content).encode()


def to_yolo_lines(entry: Mapping[str, Any]) -> bytes:
    """Label file of an image: per box a line of class, center x, y, width and height in units of the image."""
    across, down = entry["width"], entry["height"]
    lines = [
        f"{label} {(x + w / 2) / across:.12f} {(y + h / 2) / down:.12f} {w / across:.12f} {h / down:.12f}\n"
        for label, (x, y, w, h) in zip(entry["labels"], entry["boxes"], strict=True)
    ]
    return "".join(lines).encode()


def to_data_yaml(class_names: Sequence[str]) -> bytes:
    """The file that YOLO trainers read first; paths are relative to it."""
    names = [f"  {i}: {json.dumps(name)}" for i, name in enumerate(class_names)]
    return "\n".join(["train: images", "val: images", "names:", *names, ""]).encode()
