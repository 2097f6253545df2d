"""One picture of many images with their boxes."""

import colorsys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from diode_pl.images import grid

_CELL = 224  # pixels: enough to read a label


def contact_sheet(
    folder: Path, entries: Sequence[Mapping[str, Any]], class_names: Sequence[str], limit: int = 64, columns: int = 8
) -> Image.Image:
    """Draws images side by side with their target boxes and labels.

    Args:
        folder: of the image files.
        entries: ``file_name``, ``width``, ``height``, ``labels`` and ``boxes`` (absolute x, y, w, h) of each image.
        class_names: by label.
        limit: at most so many images, spread evenly over ``entries``.
        columns: images in a row.
    """
    chosen = [entries[i * len(entries) // min(limit, len(entries))] for i in range(min(limit, len(entries)))]
    return grid([_cell(folder / e["file_name"], e, class_names) for e in chosen], min(columns, len(chosen)))


def _cell(path: Path, entry: Mapping[str, Any], class_names: Sequence[str]) -> Image.Image:
    with Image.open(path) as file:
        picture = file.convert("RGB").resize((_CELL, _CELL), Image.Resampling.BICUBIC)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(12)
    across, down = _CELL / entry["width"], _CELL / entry["height"]
    # Large boxes first: what is small, and its label, stays on top.
    things = sorted(zip(entry["labels"], entry["boxes"], strict=True), key=lambda thing: -thing[1][2] * thing[1][3])
    for label, (x, y, w, h) in things:
        colour = _colour(label)
        left, top = x * across, y * down
        right, bottom = max(left, (x + w) * across - 1), max(top, (y + h) * down - 1)
        draw.rectangle((left, top, right, bottom), outline=colour, width=2)
        text = draw.textbbox((0, 0), class_names[label], font=font)
        # Above the box where there is room, inside it where there is not, and never out of the cell.
        place = (max(0, min(left, _CELL - text[2] - 4)), top - text[3] - 4 if top > text[3] + 4 else top)
        draw.rectangle((*place, place[0] + text[2] + 4, place[1] + text[3] + 4), fill=colour)
        draw.text((place[0] + 2, place[1] + 1), class_names[label], fill="black", font=font)
    return picture


def _colour(label: int) -> tuple[int, int, int]:
    """Hues a golden angle apart: neighbouring labels look unlike."""
    red, green, blue = colorsys.hsv_to_rgb(label * 0.618034 % 1, 0.6, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)
