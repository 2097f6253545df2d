"""A data set in a notebook."""

from contextlib import suppress
from typing import TYPE_CHECKING

from PIL import Image

from diode_pl.io.drawing import draw_boxes
from diode_pl.io.images import make_grid, to_pillow
from diode_pl.io.notebook import to_html

if TYPE_CHECKING:
    from diode_pl.data.readers.base import ImageSet

_SHOWN, _COLUMNS, _CELL = 8, 4, 192  # images, in a row, pixels across one


def show_set(images: "ImageSet") -> str:
    """The first images of a set with their boxes, and what is known of the set."""
    facts = {
        "images": len(images),
        "classes": ", ".join(images.class_names) or "none: no labels",
        "resolution": f"{images.resolution} px",
        "data access": images.provenance,
    }
    cells = list[Image.Image]()
    for i in range(min(_SHOWN, len(images))):
        with suppress(ValueError):  # one that cannot be used
            cells.append(_draw(images, i))
    return to_html(type(images).__name__, facts, make_grid(cells, _COLUMNS) if cells else None)


def _draw(images: "ImageSet", i: int) -> Image.Image:
    example = images[i]
    picture = to_pillow(example.image.float() / 255).resize((_CELL, _CELL), Image.Resampling.BICUBIC)
    labels = example.labels.tolist()
    draw_boxes(picture, (example.boxes * _CELL).tolist(), labels, [images.class_names[label] for label in labels])
    return picture
