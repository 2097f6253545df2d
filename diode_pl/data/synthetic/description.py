"""Files that describe a synthetic set: annotations for COCO and YOLO tools, statistics, and a contact sheet.

Written by hand: pycocotools only reads, and packages that write both depend on OpenCV. An entry is an image of a batch
record: ``id``, ``file_name``, ``width``, ``height``, ``labels``, ``boxes`` (absolute x, y, w, h).
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from PIL import Image

from diode_pl.io.decoding import read_picture
from diode_pl.io.drawing import draw_boxes
from diode_pl.io.images import make_grid

_CELL = 224  # pixels: enough to read a label
_BINS = 10  # of the histogram of box sides


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


def summarize(records: Sequence[Mapping[str, Any]], class_names: Sequence[str]) -> dict[str, Any]:
    """Totals, histograms and means over the records of at least one batch.

    Returns:
        Plain data: ``teacher`` (``config`` and ``sha256``), ``resolution``, counts, ``classes`` (boxes per class),
        ``box_side`` (boxes by square root of their share of the image, in tenths), mean of each score over images,
        seconds, seconds per image, data access level.
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
    settings = records[0]["configuration"]
    return {
        "teacher": {"config": _to_absolute(settings.get("teacher")), "sha256": settings.get("teacher_sha256")},
        "resolution": max(max(entry["width"], entry["height"]) for entry in images),
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


def _to_absolute(config: Any) -> Any:
    """Makes the paths of existing files absolute, so that a training in another folder finds them."""
    if isinstance(config, Mapping):
        return {key: _to_absolute(value) for key, value in config.items()}
    return str(Path(config).resolve()) if isinstance(config, str) and Path(config).is_file() else config


def draw_contact_sheet(
    folder: Path, entries: Sequence[Mapping[str, Any]], class_names: Sequence[str], limit: int = 64, columns: int = 8
) -> Image.Image:
    """Draws at most ``limit`` images, spread evenly, in a grid with their boxes and class names.

    Args:
        folder: of the image files.
        limit: maximum number of images.
        columns: images per row.
    """
    cells, count = [], min(limit, len(entries))
    for entry in (entries[i * len(entries) // count] for i in range(count)):
        picture = read_picture(folder / entry["file_name"])
        cells.append(picture.resize((_CELL, _CELL), Image.Resampling.BICUBIC))
        across, down = _CELL / entry["width"], _CELL / entry["height"]
        boxes = [(x * across, y * down, (x + w) * across, (y + h) * down) for x, y, w, h in entry["boxes"]]
        draw_boxes(cells[-1], boxes, entry["labels"], [class_names[label] for label in entry["labels"]])
    return make_grid(cells, min(columns, count))
