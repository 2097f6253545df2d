"""One picture of many images with their boxes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from diode_pl.io.drawing import draw_boxes
from diode_pl.io.images import grid

_CELL = 224  # pixels: enough to read a label


def contact_sheet(
    folder: Path, entries: Sequence[Mapping[str, Any]], class_names: Sequence[str], limit: int = 64, columns: int = 8
) -> Image.Image:
    """Draws images side by side with their target boxes and labels.

    Args:
        folder: of the image files.
        entries: ``file_name``, ``width``, ``height``, ``labels`` and ``boxes`` (absolute x, y, w, h) of each image.
        class_names: by label.
        limit: maximum number of images, spread evenly over ``entries``.
        columns: images in a row.
    """
    chosen = [entries[i * len(entries) // min(limit, len(entries))] for i in range(min(limit, len(entries)))]
    return grid([_cell(folder / e["file_name"], e, class_names) for e in chosen], min(columns, len(chosen)))


def _cell(path: Path, entry: Mapping[str, Any], class_names: Sequence[str]) -> Image.Image:
    with Image.open(path) as file:
        picture = file.convert("RGB").resize((_CELL, _CELL), Image.Resampling.BICUBIC)
    across, down = _CELL / entry["width"], _CELL / entry["height"]
    boxes = [(x * across, y * down, (x + w) * across, (y + h) * down) for x, y, w, h in entry["boxes"]]
    draw_boxes(picture, boxes, entry["labels"], [class_names[label] for label in entry["labels"]])
    return picture
