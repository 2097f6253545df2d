"""Images side by side in one, their boxes with them."""

from math import ceil, isqrt

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from diode_pl.targets import Targets


def cells(count: int, resolution: int) -> list[tuple[int, int, int, int]]:
    """Splits a square frame into cells that cover it without gap or overlap.

    The grid has ``ceil(sqrt(count))`` columns and as many rows as are needed. Where that leaves cells over, they go to
    their neighbors: a row with fewer cells has wider ones. Sides stay within 2 : 1 (2 or 3 cells) and 3 : 2 (more);
    with a square number of cells all are square. Gray filler would instead waste up to half of the frame, and it shifts
    the statistics that batch normalization sees.

    Args:
        count: cells, at least 1.
        resolution: side of the frame in pixels; inner borders are rounded to whole pixels.

    Returns:
        x1, y1, x2, y2 of each cell in pixels, row by row.

    Raises:
        ValueError: if there are no cells, or more columns than pixels.
    """
    if count < 1:
        raise ValueError(f"tiling: at least one image is needed, got {count}")
    columns = isqrt(count - 1) + 1
    if resolution < columns:
        raise ValueError(f"tiling: {count} images need at least {columns} x {columns} pixels, got {resolution}")
    rows = ceil(count / columns)
    lengths = [count // rows + (row < count % rows) for row in range(rows)]
    return [
        (
            round(column * resolution / length),
            round(row * resolution / rows),
            round((column + 1) * resolution / length),
            round((row + 1) * resolution / rows),
        )
        for row, length in enumerate(lengths)
        for column in range(length)
    ]


def tile(
    images: Float[Tensor, "k 3 h w"], targets: Targets, resolution: int
) -> tuple[Float[Tensor, "3 r r"], Float[Tensor, "m 4"], Int[Tensor, " m"]]:
    """Joins ``k`` images into one, row by row, each stretched to its cell.

    Each image is resized alone, averaging over the area of a new pixel, so that no color crosses a border. Boxes are
    cut at the edge of their own image and follow the borders to the pixel; one image at its own size stays as it is.

    Args:
        images: RGB, nominally in [0, 1]; one or several objects each.
        targets: their boxes, in units of their own image; those switched off are left out.
        resolution: height and width of the result in pixels.

    Returns:
        The image, its boxes x1, y1, x2, y2 in units of its side, within [0, 1], and their labels, image by image.

    Raises:
        ValueError: if there are no images, the numbers of images differ, or ``resolution`` is too small.

    Source: Chawla et al., WACV 2021, section 5.1, "Image tiling".
    """
    if targets.batch_size != len(images):
        raise ValueError(f"tiling: {len(images)} images with the targets of {targets.batch_size}")
    borders = cells(len(images), resolution)
    joined = images.new_empty(3, resolution, resolution)
    for image, (x1, y1, x2, y2) in zip(images, borders, strict=True):
        joined[:, y1:y2, x1:x2] = functional.interpolate(
            image[None], size=(y2 - y1, x2 - x1), mode="bilinear", antialias=True
        )[0]
    own = targets.clip(0.0).compact()
    cell = (own.boxes.new_tensor(borders) / resolution)[own.image_index]
    # lerp meets both ends exactly: a box at the edge of its image ends at the border, never beyond.
    return joined, torch.lerp(cell[:, :2].repeat(1, 2), cell[:, 2:].repeat(1, 2), own.boxes), own.labels
