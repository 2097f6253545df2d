"""COCO annotation files.

Read by hand: pycocotools validates nothing, prints, and needs a file that is right.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeGuard

import torch

from diode_pl.io.annotation import Annotation

_Id = int | float | str  # some programs write 5.0


def read_coco(
    path: str | Path, on_bad: Callable[[str, str], None] | None = None, folder: Path = Path()
) -> tuple[list[Annotation], list[str]]:
    """Reads images and class names; crowd boxes are skipped.

    Args:
        path: JSON with ``images``, ``categories`` and ``annotations``.
        on_bad: called with the name of each unusable image or annotation, and the reason; it is skipped. Images need
            a file name and a unique id, boxes an area inside the image. None: raises instead; boxes may then lie
            outside, and those of zero width or height (two in COCO train2017) are skipped.
        folder: folder of the image files.

    Returns:
        Images, with or without boxes, and class names, both in the file's order.

    Raises:
        ValueError: if the file is not a readable COCO annotation file.
    """

    def refuse(name: str, reason: str) -> None:
        raise _no_annotation_file(path, f"{name}: {reason}")

    report = on_bad or refuse
    images, annotations, names, label = _content(path)
    listed = Counter(image["id"] for image in images if isinstance(image.get("id"), _Id))
    sizes: dict[_Id, tuple[float, float]] = {}
    bad = set()
    for number, image in enumerate(images):
        try:
            if on_bad and not (image.get("file_name") and isinstance(image["file_name"], str)):
                raise ValueError("file_name is missing")
            if (count := listed[key := _id(image, "id")]) > 1:
                name = image.get("file_name")
                raise ValueError(f"{count} images have id {key!r}, {name!r} is one; ids must be unique")
            sizes[key] = _size(image)
        except ValueError as error:
            bad.add(number)
            report(_name("image", image, number), str(error))
    objects: dict[_Id, list[tuple[int, list[float]]]] = {key: [] for key in sizes}
    for number, box in enumerate(annotations):
        try:
            key, (x, y, w, h) = _id(box, "image_id"), _bbox(box)
            if key not in listed:
                raise ValueError(f"image {key!r} does not exist")
            if _id(box, "category_id") not in label:
                raise ValueError(f"category {box['category_id']!r} does not exist")
            # A box on a bad image is not a second error.
            if key not in sizes or box.get("iscrowd") or (on_bad is None and min(w, h) == 0):
                continue
            if w < 0 or h < 0:
                raise ValueError(f"bbox {box['bbox']} is inverted: width {w:g}, height {h:g}")
            if w == 0 or h == 0:
                raise ValueError(f"bbox {box['bbox']} has no area: width {w:g}, height {h:g}")
            width, height = sizes[key]
            if on_bad and (x >= width or y >= height or x + w <= 0 or y + h <= 0):
                raise ValueError(f"bbox {box['bbox']} lies outside of its image of {width:g} x {height:g}")
            objects[key].append((label[box["category_id"]], [x, y, x + w, y + h]))
        except ValueError as error:
            report(_name("annotation", box, number), str(error))
    read = []
    for number, image in enumerate(images):
        if number not in bad:
            width, height = sizes[image["id"]]
            path = folder / (image.get("file_name") or "")
            in_pixels = Annotation.from_objects(path, objects[image["id"]], (height, width))
            read.append(replace(in_pixels, boxes=(in_pixels.boxes / torch.tensor([width, height] * 2)).clamp(0, 1)))
    return read, names


def _content(path: str | Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str], dict[_Id, int]]:
    """Images, annotations, class names, and the label of each category id."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        images, annotations = content["images"], content["annotations"]
        if not all(isinstance(entry, dict) for entry in [*images, *annotations]):
            raise TypeError("every image and annotation must be a mapping")
        names = [str(category["name"]) for category in content["categories"]]
        label = {category["id"]: i for i, category in enumerate(content["categories"])}
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise _no_annotation_file(path, f"{type(error).__name__}: {error}") from error
    return list(images), list(annotations), names, label


def _no_annotation_file(path: str | Path, reason: str) -> ValueError:
    return ValueError(
        f"{path} is not a COCO annotation file: it needs images (id, width, height), categories (id, name) and "
        f"annotations (image_id, category_id, bbox); {reason}"
    )


def _name(kind: str, entry: Mapping[str, Any], number: int) -> str:
    return f"{kind} {entry['id']}" if "id" in entry else f"{kind} at index {number}, without id"


def _id(entry: Mapping[str, Any], key: str) -> _Id:
    if not isinstance(value := entry.get(key), _Id):
        raise ValueError(f"{key} must be a number or a string, got {value!r}")
    return value


def _size(image: Mapping[str, Any]) -> tuple[float, float]:
    """Width and height in pixels."""
    width, height = image.get("width"), image.get("height")
    if not (_is_finite(width) and _is_finite(height) and width > 0 and height > 0):
        raise ValueError(f"width and height must be positive, got {width!r} and {height!r}")
    return float(width), float(height)


def _bbox(annotation: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """Left, top, width and height in pixels."""
    bbox = annotation.get("bbox")
    if not (isinstance(bbox, list) and len(bbox) == 4 and all(map(_is_finite, bbox))):
        raise ValueError(f"bbox must be four finite numbers, got {bbox!r}")
    x, y, w, h = map(float, bbox)
    return x, y, w, h


def _is_finite(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)
