"""One picture of many images with their boxes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from diode_pl.io.drawing import draw_boxes
from diode_pl.io.images import grid

_CELL = 224  # pixels: enough to read a label


def draw_contact_sheet(
    folder: Path, entries: Sequence[Mapping[str, Any]], class_names: Sequence[str], limit: int = 64, columns: int = 8
) -> Image.Image:
    """Draws at most ``limit`` images, spread evenly, in a grid with their boxes and class names.

    Args:
        folder: of the image files.
        entries: ``file_name``, ``width``, ``height``, ``labels`` and ``boxes`` (absolute x, y, w, h) of each image.
        class_names: by label.
        limit: maximum number of images.
        columns: images per row.
    """
    cells, count = [], min(limit, len(entries))
    for entry in (entries[i * len(entries) // count] for i in range(count)):
        with Image.open(folder / entry["file_name"]) as file:
            cells.append(file.convert("RGB").resize((_CELL, _CELL), Image.Resampling.BICUBIC))
        across, down = _CELL / entry["width"], _CELL / entry["height"]
        boxes = [(x * across, y * down, (x + w) * across, (y + h) * down) for x, y, w, h in entry["boxes"]]
        draw_boxes(cells[-1], boxes, entry["labels"], [class_names[label] for label in entry["labels"]])
    return grid(cells, min(columns, count))
