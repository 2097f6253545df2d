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
    """Reads images and class names; crowd boxes are left out.

    COCO itself has a few boxes without width or height (two in train2017): where nobody counts what is bad, they are
    left out, too. A negative width or height is an error there.

    Args:
        path: JSON with ``images``, ``categories`` and ``annotations``.
        on_bad: is told the name of an image or annotation that cannot be used, and why; it is left out, with what
            hangs on it. Then an image needs a file name, and a box must lie on its image and have an area. Images of
            one id are all bad: nothing says whose boxes are whose. None: it is an error.
        folder: of the image files.

    Returns:
        Every image in the file's order, those without a box included, and the class names in the file's order.

    Raises:
        ValueError: the file cannot be read, or is no such JSON.
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
                raise ValueError("it has no file_name")
            if (count := listed[key := _id(image, "id")]) > 1:
                raise ValueError(
                    f"id {key!r} is that of {count} images, {image.get('file_name')!r} is one: whose boxes are whose "
                    "cannot be told; give each image an id of its own"
                )
            sizes[key] = _size(image)
        except ValueError as error:
            bad.add(number)
            report(_name("image", image, number), str(error))
    objects: dict[_Id, list[tuple[int, list[float]]]] = {key: [] for key in sizes}
    for number, box in enumerate(annotations):
        try:
            key, (x, y, w, h) = _id(box, "image_id"), _bbox(box)
            if key not in listed:
                raise ValueError(f"there is no image {key!r}")
            if _id(box, "category_id") not in label:
                raise ValueError(f"there is no category {box['category_id']!r}")
            # What lies on a bad image is no second fault.
            if key not in sizes or box.get("iscrowd"):
                continue
            if w < 0 or h < 0:
                raise ValueError(f"bbox {box['bbox']} is inverted: width {w:g}, height {h:g}")
            if w == 0 or h == 0:
                if on_bad is None:
                    continue
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


def _content(
    path: str | Path,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str], dict[_Id, int]]:
    """Images, annotations, class names, and the label of each category id."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        images, annotations = content["images"], content["annotations"]
        if not all(isinstance(entry, dict) for entry in [*images, *annotations]):
            raise TypeError("every image and annotation is a mapping")
        names = [str(category["name"]) for category in content["categories"]]
        label = {category["id"]: i for i, category in enumerate(content["categories"])}
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise _no_annotation_file(path, f"{type(error).__name__}: {error}") from error
    return list(images), list(annotations), names, label


def _no_annotation_file(path: str | Path, reason: str) -> ValueError:
    return ValueError(
        f"{path} is no COCO annotation file: it needs images (id, width, height), categories (id, name) and "
        f"annotations (image_id, category_id, bbox); {reason}"
    )


def _name(kind: str, entry: Mapping[str, Any], number: int) -> str:
    return f"{kind} {entry['id']}" if "id" in entry else f"{kind} without id, number {number} from 0"


def _id(entry: Mapping[str, Any], key: str) -> _Id:
    if not isinstance(found := entry.get(key), _Id):
        raise ValueError(f"{key} must be a number or a word, got {found!r}")
    return found


def _size(image: Mapping[str, Any]) -> tuple[float, float]:
    """Width and height in pixels."""
    width, height = image.get("width"), image.get("height")
    if not (_is_finite(width) and _is_finite(height) and width > 0 and height > 0):
        raise ValueError(f"it has no size: width {width!r}, height {height!r}")
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
