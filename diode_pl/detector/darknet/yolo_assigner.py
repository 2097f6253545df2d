"""Which anchors of a YOLO head answer for which targets, on static shapes: nothing here triggers a device sync."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diode_pl.numerics.box_ops import size_iou
from diode_pl.targets import Targets


@dataclass(frozen=True)
class Assignment:
    """Every pair of a target and an anchor of one scale; lengths in cells.

    Args:
        matched: 1 where the target's shape fits the anchor, else 0.
        image: position of each target's image in the batch.
        row: of the cell that holds its center.
        column: likewise.
        truth: x1, y1, x2, y2, measured from the upper left corner of that cell.
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
    """Widths and heights of anchors by the cells that a pixel spans.

    Args:
        anchors: widths and heights in pixels.
        grid: rows and columns of cells.
        image_size: height and width in pixels.
    """
    # Host numbers multiply without a copy to the device, a tensor of them would need one.
    across, down = grid[1] / image_size[1], grid[0] / image_size[0]
    return torch.stack([anchors[:, 0] * across, anchors[:, 1] * down], dim=1)


def match(
    anchors: Float[Tensor, "a 2"],
    grid: tuple[int, int],
    image_size: tuple[int, int],
    targets: Targets,
    threshold: float,
) -> Assignment:
    """Gives every target to every anchor whose shape fits it, in the cell that holds the target's center.

    Args:
        anchors: widths and heights in pixels; their dtype is that of the result.
        grid: rows and columns of cells.
        image_size: height and width in pixels.
        targets: boxes that are not valid match nothing, whatever they hold.
        threshold: a target fits an anchor when the IoU of the two, laid center on center, exceeds this.
    """
    (ny, nx), anchors = grid, anchors_in_cells(anchors, grid, image_size)
    # A box that is switched off may hold anything, even infinities, which a weight of 0 would turn into NaN.
    boxes = torch.where(targets.valid[:, None], targets.boxes, 0.5).to(anchors.dtype)
    x1, y1, x2, y2 = boxes.unbind(dim=1)
    column = ((x1 + x2) / 2 * nx).floor().clamp(0, nx - 1)
    row = ((y1 + y2) / 2 * ny).floor().clamp(0, ny - 1)
    size = torch.stack([(x2 - x1) * nx, (y2 - y1) * ny], dim=1)

    fits = size_iou(size[:, None], anchors) > threshold
    matched = (fits & targets.valid[:, None]).to(anchors.dtype)
    truth = torch.stack([x1 * nx - column, y1 * ny - row, x2 * nx - column, y2 * ny - row], dim=1)
    return Assignment(matched, targets.image_index, row.long(), column.long(), truth, anchors)
