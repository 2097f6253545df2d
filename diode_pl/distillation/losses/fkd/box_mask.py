"""Where in an image its labeled boxes are."""

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.targets import Targets


def box_mask(targets: Targets, height: int, width: int) -> Float[Tensor, "n {height} {width}"]:
    """1 in each cell of a grid that a box of the image reaches into, 0 elsewhere; all 0 for images without a box.

    Args:
        height: rows of the grid.
        width: columns of the grid.
    """
    boxes = targets.boxes * targets.boxes.new_tensor([width, height, width, height])
    x1, y1, x2, y2 = boxes.unbind(dim=1)
    columns, rows = (torch.arange(size, device=boxes.device) for size in (width, height))
    across = (x1[:, None] < columns + 1) & (x2[:, None] > columns)
    down = (y1[:, None] < rows + 1) & (y2[:, None] > rows)
    inside = (down[:, :, None] & across[:, None, :] & targets.valid[:, None, None]).float()
    counts = boxes.new_zeros(targets.batch_size, height, width).index_add(0, targets.image_index, inside.to(boxes))
    return counts.clamp(max=1)
