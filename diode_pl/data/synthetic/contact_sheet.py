"""A contact sheet: images with their boxes in a grid."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from diode_pl.io.decoding import read_picture
from diode_pl.io.drawing import draw_boxes
from diode_pl.io.images import make_grid

_CELL = 224  # pixels: enough to read a label


def spread_evenly(count: int, limit: int = 64) -> list[int]:
    """At most ``limit`` of the numbers below ``count``, at even distances.

    Example:
        >>> spread_evenly(100, limit=4), spread_evenly(2)
        ([0, 25, 50, 75], [0, 1])
    """
    shown = min(limit, count)
    return [i * count // shown for i in range(shown)]


def draw_contact_sheet(
    folder: Path, entries: Sequence[Mapping[str, Any]], class_names: Sequence[str], columns: int = 8
) -> Image.Image:
    """Draws images in a grid with their boxes and class names.

    Args:
        folder: of the image files.
        columns: images per row.
    """
    cells = []
    for entry in entries:
        picture = read_picture(folder / entry["file_name"])
        cells.append(picture.resize((_CELL, _CELL), Image.Resampling.BICUBIC))
        across, down = _CELL / entry["width"], _CELL / entry["height"]
        boxes = [(x * across, y * down, (x + w) * across, (y + h) * down) for x, y, w, h in entry["boxes"]]
        draw_boxes(cells[-1], boxes, entry["labels"], [class_names[label] for label in entry["labels"]])
    return make_grid(cells, min(columns, len(cells)))
