"""The loss of Generalized Focal Loss, between the outputs of a detector and targets."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from diode_pl.detector.grid import Grid, decode_distances
from diode_pl.detector.guided_assigner import CriterionResult, GuidedAssigner
from diode_pl.detector.task_aligned_assigner import assign_task_aligned
from diode_pl.detector.torchvision.base import valid_positions
from diode_pl.detector.torchvision.deterministic_sampler import process_share
from diode_pl.numerics.box_ops import giou
from diode_pl.targets import Targets

_BOX, _DISTANCE = 2.0, 0.25  # gains of the paper


class _Padded(NamedTuple):
    """Targets image by image, as many for each as the image with most of them has; their places in the targets."""

    labels: Float[Tensor, "n k 1"]
    boxes: Float[Tensor, "n k 4"]
    mask: Float[Tensor, "n k 1"]
    place: Int[Tensor, "n k"]


def run_criterion(
    codes: Float[Tensor, "n m d"],
    logits: Float[Tensor, "n m c"],
    grid: Grid,
    targets: Targets,
    scale: Float[Tensor, " 4"],
    assignment: str,
) -> CriterionResult:
    """Computes the loss; triggers a device sync.

    Args:
        codes: logits of the distances.
        logits: of the classes.
        grid: the cells.
        targets: boxes that are invalid or have no area do not count.
        scale: image width, height, width, height in pixels.
        assignment: see :class:`GuidedAssigner`.

    Source: Li et al., Generalized Focal Loss, NeurIPS 2020, section 3 and its released settings: a gain of 2 for boxes
    and of 1/4 for distributions.
    """
    with torch.autocast(codes.device.type, enabled=False):
        boxes, given = decode_distances(codes, grid), _pad(targets, scale)
        assigner = GuidedAssigner(assign_task_aligned, grid, assignment)
        with torch.no_grad():
            found = assigner(logits.sigmoid(), boxes, grid.centers, given.labels, given.boxes, given.mask)
        image, cell = torch.nonzero(found.positive, as_tuple=True)
        quality = found.scores.to(logits.dtype)
        weight = quality.sum(dim=2)[image, cell]
        truth = found.boxes[image, cell].to(boxes.dtype)
        total = weight.sum()
        share = process_share(total) / total.clamp(min=1)
        box = weight * (1 - giou(boxes[image, cell], truth))
        distance = weight * distribution_focal_loss(codes[image, cell], _distances(truth, grid, cell))
        terms = {
            "class": quality_focal_loss(logits, quality).sum() * share,
            "box": _BOX * box.sum() * share,
            "distance": _DISTANCE * distance.sum() * share,
        }
    return CriterionResult(terms, image, cell, given.place[image, found.target[image, cell]])


def quality_focal_loss(logits: Float[Tensor, "*b"], quality: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """Binary cross-entropy, weighted by the squared distance between probability and target.

    Args:
        logits: of the class of each prediction.
        quality: target in [0, 1], the IoU of the prediction; 0 for other classes.

    Source: Li et al., Generalized Focal Loss, NeurIPS 2020, eq. 5 with beta = 2.
    """
    entropy = F.binary_cross_entropy_with_logits(logits, quality, reduction="none")
    return entropy * (logits.sigmoid() - quality).square()


def distribution_focal_loss(codes: Float[Tensor, "p d"], distances: Float[Tensor, "p 4"]) -> Float[Tensor, " p"]:
    """Cross-entropy with the two numbers around each distance, by nearness; the sum over the four sides.

    Args:
        codes: logits of distributions over the whole numbers from 0, one after the other.
        distances: in cells; those out of range count as the nearest in it.

    Source: Li et al., Generalized Focal Loss, NeurIPS 2020, eq. 6.
    """
    bins = codes.shape[1] // 4
    chances = codes.unflatten(1, (4, bins)).log_softmax(dim=2)
    distances = distances.clamp(0, bins - 1)
    left = distances.floor().clamp(max=bins - 2).long()
    beyond = distances - left
    pair = chances.gather(2, torch.stack([left, left + 1], dim=2))
    return -(pair * torch.stack([1 - beyond, beyond], dim=2)).sum(dim=(1, 2))


def _distances(truth: Float[Tensor, "p 4"], grid: Grid, cell: Int[Tensor, " p"]) -> Float[Tensor, "p 4"]:
    """Distances of the sides of boxes to the centers of cells, in cells."""
    centers = grid.centers[cell]
    return torch.cat([centers - truth[:, :2], truth[:, 2:] - centers], dim=1) / grid.strides[cell]


def _pad(targets: Targets, scale: Float[Tensor, " 4"]) -> _Padded:
    place = pad_sequence(valid_positions(targets), batch_first=True, padding_value=-1)
    present = (place >= 0)[..., None]
    place = place.clamp(min=0)
    labels = targets.labels[place][..., None].to(scale.dtype).masked_fill(~present, 0)
    boxes = (targets.boxes[place].to(scale.dtype) * scale).masked_fill(~present, 0)
    return _Padded(labels, boxes, present.to(scale.dtype), place)
