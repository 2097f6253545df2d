"""COCO annotation files.

Read by hand: pycocotools validates nothing, prints, and needs a file that is right.
"""

import logging
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diode_pl.io.annotation import Annotation, has_area
from diode_pl.io.background import report_background
from diode_pl.io.coco_boxes import Box, is_number, read_bbox
from diode_pl.io.coco_file import Id, no_annotation_file, read_content
from diode_pl.io.flags import read_flag
from diode_pl.io.ignored import Ignored
from diode_pl.io.quoting import quote, shorten
from diode_pl.io.written_paths import resolve_written

log = logging.getLogger(__name__)


def read_coco(
    path: str | Path,
    on_bad: Callable[[str, str], None] | None = None,
    folder: Path = Path(),
    skip: Callable[[Mapping[str, Any]], bool] | None = None,
) -> tuple[list[Annotation], list[str]]:
    """Reads images and class names; crowds are ignored regions, those without area inside the image are skipped.

    Images of one file and size are one, with the boxes of all of them, each once. Boxes of ``__background__``
    are left out; a warning says how many.

    Args:
        path: JSON with ``images``, ``categories`` and ``annotations``.
        on_bad: called with the name of each unusable image or annotation, and the reason; it is skipped. Images need
            a file name and a unique id, boxes an area inside the image. None: raises instead; boxes may then lie
            outside, and those without area inside (two in COCO train2017) are skipped with a warning.
        folder: folder of the image files.
        skip: whether to leave out an entry; with an image go its annotations.

    Returns:
        Images, with or without boxes, and class names, both in the file's order.

    Raises:
        ValueError: if the file is not a readable COCO annotation file.
    """

    def report(kind: str, entry: Mapping[str, Any], number: int, reason: object) -> None:
        name, reason = _name(kind, entry, number), f"{reason} ({kind}s[{number}])"
        if on_bad is None:
            raise no_annotation_file(path, f"{name}: {reason}")
        on_bad(name, reason)

    images, annotations, names, label = read_content(path, skip)
    listed = Counter(entry["id"] for entry in images if isinstance(entry.get("id"), Id))
    found, empty, unmeasured, background = dict[Id, _Image](), list[str](), list[str](), list[str]()
    for number, entry in enumerate(images):
        try:
            file_name = _file_name(entry, required=on_bad is not None)
            if (count := listed[key := _id(entry, "id")]) > 1:
                raise ValueError(f"{count} images have id {quote(key)}, {quote(file_name)} is one; ids must be unique")
            found[key] = _Image(number, resolve_written(folder, file_name), *_size(entry))
        except ValueError as error:
            report("image", entry, number, error)
    for key, reason in _join_files(found, folder, path).items():
        number = found.pop(key).number
        report("image", images[number], number, reason)
    for number, entry in enumerate(annotations):
        try:
            if label.get(category := _id(entry, "category_id"), 0) < 0:
                background.append(_name("annotation", entry, number))
                continue
            key, crowd = _id(entry, "image_id"), _is_crowd(entry)
            bbox = read_bbox(entry, (found[key].width, found[key].height) if key in found else None)
            if key not in listed:
                raise ValueError(f"image {quote(key)} does not exist")
            if category not in label:
                raise ValueError(f"category {quote(category)} does not exist")
            # A box on a bad image is not a second error.
            if key not in found:
                continue
            corners = _to_corners(bbox, found[key], may_lie_outside=crowd or on_bad is None)
            if crowd:
                found[key].crowds += [(label[category], corners, True)] * has_area(*corners)
            elif on_bad is None and not has_area(*corners):
                empty.append(_name("annotation", entry, number))
            elif not has_area(*corners):
                raise ValueError(f"bbox {list(bbox)} has no area: width {bbox[2]:g}, height {bbox[3]:g}")
            else:
                area = _area(entry)
                unmeasured += [_name("annotation", entry, number)] if area is None else []
                found[key].objects.append((label[category], corners, area or 0.0))
        except ValueError as error:
            report("annotation", entry, number, error)
    if unmeasured and on_bad:
        text = "%s: %d boxes have an area that is not a positive number, the first is %s; that of the box counts"
        log.warning(text, path, len(unmeasured), unmeasured[0])
    report_background(path, background)
    if empty:
        log.warning("%s: %d boxes without area are skipped, the first is %s", path, len(empty), empty[0])
    # Several ids may lead to one image.
    return [image.annotate() for image in {image.number: image for image in found.values()}.values()], names


@dataclass
class _Image:
    """An image with a usable entry, ``number`` of the file; ``joined`` with others of the same file."""

    number: int
    path: Path
    width: float
    height: float
    objects: list[tuple[int, Box, float]] = field(default_factory=list)  # with the area in pixels
    crowds: list[tuple[int, Box, bool]] = field(default_factory=list)
    joined: bool = False

    def annotate(self) -> Annotation:
        """With each box once if several entries may have it."""
        objects, crowds = self.objects, self.crowds
        if self.joined:
            objects, crowds = [*dict.fromkeys(objects)], [*dict.fromkeys(crowds)]
        boxes, areas = [(label, corners) for label, corners, _ in objects], [area for _, _, area in objects]
        ignored = Ignored.from_objects(crowds) if crowds else None
        return Annotation.from_objects(self.path, boxes, (self.height, self.width), areas, ignored)


def _join_files(found: dict[Id, _Image], folder: Path, path: str | Path) -> dict[Id, str]:
    """Makes images of one file the same; returns why not, for those whose sizes differ: nobody knows which is right."""
    keys_of, bad, joined = defaultdict[str, list[Id]](list), dict[Id, str](), list[Path]()
    for key, image in found.items():
        if image.path != folder:  # there is a file name
            keys_of[os.path.normpath(image.path)].append(key)
    for keys in keys_of.values():
        first = found[keys[0]]
        if len(keys) > 1 and len({(found[key].width, found[key].height) for key in keys}) > 1:
            bad |= {key: f"{len(keys)} images have the file {first.path}, with different sizes" for key in keys}
        elif len(keys) > 1:
            joined.append(first.path)
            first.joined = True
            found |= dict.fromkeys(keys, first)
    if joined:
        log.warning(
            "%s: %d image files have several ids, the first is %s; their boxes are joined", path, len(joined), joined[0]
        )
    return bad


def _name(kind: str, entry: Mapping[str, Any], number: int) -> str:
    if "id" not in entry:
        return f"{kind} at index {number}, without id"
    key = entry["id"]
    return f"{kind} {shorten(key) if isinstance(key, str) else quote(key)}"


def _id(entry: Mapping[str, Any], key: str) -> Id:
    if not isinstance(value := entry.get(key), Id) or isinstance(value, bool):  # true would be 1
        raise ValueError(f"{key} must be a number or a string, got {quote(value)}")
    return value


def _file_name(image: Mapping[str, Any], required: bool) -> str:
    name = image.get("file_name")
    if (required or name is not None) and not (name and isinstance(name, str)):
        raise ValueError(f"file_name is missing, got {quote(name)}")
    return name or ""


def _size(image: Mapping[str, Any]) -> tuple[float, float]:
    """Width and height in pixels."""
    width, height = image.get("width"), image.get("height")
    if not (is_number(width) and is_number(height) and width > 0 and height > 0):
        got = f"{quote(width)} and {quote(height)}"
        raise ValueError(f"width and height must be positive, got {got}; numbers must fit into single precision")
    return float(width), float(height)


def _is_crowd(annotation: Mapping[str, Any]) -> bool:
    try:
        return read_flag(annotation.get("iscrowd"))
    except ValueError as error:
        raise ValueError(f"iscrowd: {error}") from None


def _area(annotation: Mapping[str, Any]) -> float | None:
    """Area of the object in pixels; 0 if it is not stated, None if that is not a positive number."""
    area = annotation.get("area")
    return 0.0 if area is None else float(area) if is_number(area) and area > 0 else None


def _to_corners(bbox: Box, image: _Image, may_lie_outside: bool) -> Box:
    """Corners in units of the image, in [0, 1]."""
    (x, y, w, h), (width, height) = bbox, (image.width, image.height)
    if w < 0 or h < 0:
        raise ValueError(f"bbox {list(bbox)} is inverted: width {w:g}, height {h:g}")
    if not may_lie_outside and w > 0 and h > 0 and (x >= width or y >= height or x + w <= 0 or y + h <= 0):
        raise ValueError(f"bbox {list(bbox)} lies outside of its image of {width:g} x {height:g}")
    x1, y1, x2, y2 = (min(max(side, 0.0), 1.0) for side in (x / width, y / height, (x + w) / width, (y + h) / height))
    return x1, y1, x2, y2
