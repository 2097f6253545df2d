"""Assignment of targets to the anchors of a YOLO head, on static shapes and without a device sync."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diode_pl.numerics.box_ops import size_iou
from diode_pl.targets import Targets


@dataclass(frozen=True)
class Assignment:
    """All pairs of a target and an anchor of one scale; lengths in cells.

    Args:
        matched: 1 where the target's shape fits the anchor, else 0.
        image: index of each target's image in the batch.
        row, column: of the cell with the target's center.
        truth: x1, y1, x2, y2, relative to the upper left corner of that cell.
        anchors: widths and heights.
    """

    matched: Float[Tensor, "k a"]
    image: Int[Tensor, " k"]
    row: Int[Tensor, " k"]
    column: Int[Tensor, " k"]
    truth: Float[Tensor, "k 4"]
    anchors: Float[Tensor, "a 2"]


def anchors_in_cells(
    anchors: Float[Tensor, "a 2"], grid: tuple[int, int], image_size: tuple[int, int]
) -> Float[Tensor, "a 2"]:
    """Converts widths and heights from pixels to cells; the other arguments as of :func:`assign_targets`."""
    # Python numbers, unlike a tensor of them, need no copy to the device.
    across, down = grid[1] / image_size[1], grid[0] / image_size[0]
    return torch.stack([anchors[:, 0] * across, anchors[:, 1] * down], dim=1)


def assign_targets(
    anchors: Float[Tensor, "a 2"],
    grid: tuple[int, int],
    image_size: tuple[int, int],
    targets: Targets,
    threshold: float,
) -> Assignment:
    """Assigns every target to every anchor whose shape fits it, in the cell with the target's center.

    Args:
        anchors: widths and heights in pixels; their dtype is that of the result.
        grid: rows and columns of cells.
        image_size: height and width in pixels.
        targets: invalid boxes match nothing.
        threshold: a target fits an anchor if their IoU, centered on one another, exceeds it.
    """
    (ny, nx), anchors = grid, anchors_in_cells(anchors, grid, image_size)
    # Invalid boxes may be infinite, which a weight of 0 would turn into NaN.
    boxes = torch.where(targets.valid[:, None], targets.boxes, 0.5).to(anchors.dtype)
    x1, y1, x2, y2 = boxes.unbind(dim=1)
    column = ((x1 + x2) / 2 * nx).floor().clamp(0, nx - 1)
    row = ((y1 + y2) / 2 * ny).floor().clamp(0, ny - 1)
    size = torch.stack([(x2 - x1) * nx, (y2 - y1) * ny], dim=1)
    fits = size_iou(size[:, None], anchors) > threshold
    matched = (fits & targets.valid[:, None]).to(anchors.dtype)
    truth = torch.stack([x1 * nx - column, y1 * ny - row, x2 * nx - column, y2 * ny - row], dim=1)
    return Assignment(matched, targets.image_index, row.long(), column.long(), truth, anchors)
