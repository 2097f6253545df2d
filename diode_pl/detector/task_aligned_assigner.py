"""Assignment of cells to the targets that they predict best."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import one_hot

from diode_pl.detector.guided_assigner import Assigned
from diode_pl.numerics.box_ops import iou

_TOP, _BETA = 13, 6


def assign_task_aligned(
    scores: Float[Tensor, "n m c"],
    boxes: Float[Tensor, "n m 4"],
    points: Float[Tensor, "m 2"],
    labels: Float[Tensor, "n k 1"],
    truth: Float[Tensor, "n k 4"],
    mask: Float[Tensor, "n k 1"],
) -> Assigned:
    """Gives each target the 13 cells in its box with the largest class probability times IoU to the power of 6.

    A cell of several targets goes to that of the largest IoU. The score of a cell is its IoU, as in Generalized Focal
    Loss.

    Args:
        scores: class probabilities.
        boxes: predictions in pixels.
        points: centers of the cells in pixels.
        labels: of the targets.
        truth: boxes of the targets in pixels.
        mask: 1 for targets, 0 where an image has fewer than k.

    Source: Feng et al., TOOD, ICCV 2021, section 3.2; Li et al., Generalized Focal Loss, NeurIPS 2020.
    """
    count, cells, classes = scores.shape
    if not truth.shape[1]:
        none = torch.zeros(count, cells, dtype=torch.long, device=scores.device)
        return Assigned(none, torch.zeros_like(boxes), torch.zeros_like(scores), none.bool(), none)
    kinds = labels.squeeze(2).long()
    overlap = iou(boxes[:, None], truth[:, :, None])
    likely = scores.transpose(1, 2).gather(1, kinds[..., None].expand(-1, -1, cells))
    inside = ((points > truth[:, :, None, :2]) & (points < truth[:, :, None, 2:])).all(dim=3)
    aligned = likely * overlap**_BETA * (inside & mask.bool())
    best = aligned.topk(min(_TOP, cells), dim=2)
    chosen = torch.zeros_like(aligned).scatter(2, best.indices, best.values) > 0
    score, target = (overlap * chosen).max(dim=1)
    label = kinds.gather(1, target)
    return Assigned(
        label,
        truth.gather(1, target[..., None].expand(-1, -1, 4)),
        one_hot(label, classes) * score[..., None],
        score > 0,
        target,
    )
