"""Joins images and their boxes in a grid."""

from itertools import pairwise
from math import ceil, isqrt

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from diode_pl.targets import Targets


def split_frame(count: int, resolution: int) -> list[tuple[int, int, int, int]]:
    """Splits a square frame into cells that cover it without gaps or overlap.

    The grid has ``ceil(sqrt(count))`` columns and as many rows as needed; a row with fewer cells has wider ones.
    Aspect ratios stay within 2 : 1 (2 or 3 cells) and 3 : 2 (more); all cells are square if ``count`` is. Gray filler
    would instead waste up to half of the frame and shift the statistics that batch normalization sees.

    Args:
        count: number of cells, >= 1.
        resolution: height and width of the frame in pixels; inner borders are rounded to whole pixels.

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
    rows, cells = ceil(count / columns), []
    for row in range(rows):
        y1, y2 = round(row * resolution / rows), round((row + 1) * resolution / rows)
        length = count // rows + (row < count % rows)
        borders = [round(column * resolution / length) for column in range(length + 1)]
        cells += [(x1, y1, x2, y2) for x1, x2 in pairwise(borders)]
    return cells


def tile(
    images: Float[Tensor, "k 3 h w"], targets: Targets, resolution: int
) -> tuple[Float[Tensor, "3 r r"], Float[Tensor, "m 4"], Int[Tensor, " m"]]:
    """Joins ``k`` images into one, row by row, each stretched to its cell.

    Each image is resized alone, with antialiasing, so that no color crosses a border. Boxes are clipped to their own
    image and follow the borders to the pixel; a single image of the same size is unchanged.

    Args:
        images: RGB, nominally in [0, 1].
        targets: their boxes; disabled ones are left out.
        resolution: height and width of the result in pixels.

    Returns:
        The image, its boxes x1, y1, x2, y2 in units of its side, within [0, 1], and their labels, image by image.

    Raises:
        ValueError: if there are no images, the numbers of images differ, or ``resolution`` is too small.

    Source: Chawla et al., WACV 2021, section 5.1, "Image tiling".
    """
    if targets.batch_size != len(images):
        raise ValueError(f"tiling: {len(images)} images with the targets of {targets.batch_size}")
    cells = split_frame(len(images), resolution)
    joined = images.new_empty(3, resolution, resolution)
    for image, (x1, y1, x2, y2) in zip(images, cells, strict=True):
        resized = functional.interpolate(image[None], (y2 - y1, x2 - x1), mode="bilinear", antialias=True)
        joined[:, y1:y2, x1:x2] = resized[0]
    kept = targets.clip(0.0).compact()
    cell = (kept.boxes.new_tensor(cells) / resolution)[kept.image_index]
    # lerp meets both ends exactly: a box at the edge of its image ends at the border, never beyond.
    return joined, torch.lerp(cell[:, :2].repeat(1, 2), cell[:, 2:].repeat(1, 2), kept.boxes), kept.labels
