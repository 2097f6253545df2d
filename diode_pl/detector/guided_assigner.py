"""Assignment of cells to targets that a detector may not see yet."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from diode_pl.detector.grid import Grid
from diode_pl.detector.outputs import MatchedPredictions
from diode_pl.numerics.box_ops import iou

KINDS = ("guided", "center", "task_aligned")
_RADIUS = 1.5  # cells around the center of a target
_LEAST = 0.1  # score of a positive cell


class Assigned(NamedTuple):
    """What an assigner returns: for each cell of each image a class, a box in pixels, a score of each class, whether it
    is positive, and the index of its target in the image."""

    labels: Int[Tensor, "n m"]
    boxes: Float[Tensor, "n m 4"]
    scores: Float[Tensor, "n m c"]
    positive: Bool[Tensor, "n m"]
    target: Int[Tensor, "n m"]


class CriterionResult(NamedTuple):
    """Loss and assignment.

    Args:
        terms: of the loss, with their gains.
        image: index of the image of each positive cell.
        cell: index of the cell.
        target: index of the cell's box in the targets.
    """

    terms: dict[str, Float[Tensor, ""]]
    image: Int[Tensor, " p"]
    cell: Int[Tensor, " p"]
    target: Int[Tensor, " p"]

    def match(self, boxes: Float[Tensor, "n m 4"], logits: Float[Tensor, "n m c"]) -> MatchedPredictions:
        """The predictions of the positive cells, with their targets."""
        at = self.image, self.cell
        return MatchedPredictions(self.image, self.target, boxes[at], logits[at])


class GuidedAssigner:
    """A task-aligned assigner, mixed with one by center and size for targets that are not seen yet.

    A task-aligned assigner gives a target the cells that predict it best. While nothing predicts it, as in an image
    that is still noise, these are cells anywhere in its box that change from step to step, with scores near zero, by
    whose sum the loss is divided. An assigner by center and size gives it those in its box within 1.5 cells of its
    center, at least the nearest, on the map whose priors are nearest in size, with score 1. Where q is the class
    probability times IoU of the best cell, a target has 1 - q times the scores of the latter and q times those of the
    former; below 0.1 they are 0.

    Args:
        task_aligned: called in the same way; that of the package ultralytics, or ours.
        grid: the cells.
        kind: ``guided``; ``center`` is the assigner by center and size alone, ``task_aligned`` the other one alone.

    Attributes:
        found: the last assignment.

    Source: after the static assigner that training begins with in Feng et al., TOOD, ICCV 2021, and Xu et al.,
    PP-YOLOE, 2022; central cells as in Tian et al., FCOS, ICCV 2019.
    """

    found: Assigned

    def __init__(self, task_aligned: Callable[..., Any], grid: Grid, kind: str = "guided") -> None:
        self._task_aligned, self._grid, self._kind = task_aligned, grid, kind

    def __call__(
        self,
        scores: Float[Tensor, "n m c"],
        boxes: Float[Tensor, "n m 4"],
        points: Tensor,
        labels: Tensor,
        truth: Float[Tensor, "n k 4"],
        mask: Tensor,
    ) -> Assigned:
        """Assigns cells; the criterion of ultralytics calls it in place of its own assigner.

        Args:
            scores: class probabilities.
            boxes: predictions in pixels.
            points: centers of the cells in pixels.
            labels: of the targets, (n, k, 1).
            truth: boxes of the targets in pixels.
            mask: 1 for targets, 0 where an image has fewer than k; (n, k, 1).
        """
        own = self._task_aligned(scores, boxes, points, labels, truth, mask)
        # Without targets, those of ultralytics are all of one floating point type.
        found = Assigned(own[0].long(), own[1], own[2], own[3].bool(), own[4].long())
        if self._kind != "task_aligned" and truth.shape[1]:
            found = self._guide(found, scores, boxes, labels.squeeze(2).long(), truth, mask.squeeze(2).bool())
        self.found = found
        return found

    def _guide(
        self,
        own: Assigned,
        scores: Float[Tensor, "n m c"],
        boxes: Float[Tensor, "n m 4"],
        labels: Int[Tensor, "n k"],
        truth: Float[Tensor, "n k 4"],
        present: Bool[Tensor, "n k"],
    ) -> Assigned:
        quality = scores.new_zeros(present.shape)
        if self._kind == "guided":
            likely = scores.gather(2, own.labels[..., None]).squeeze(2)
            each = likely * iou(boxes, own.boxes.to(boxes.dtype)) * own.positive
            quality = quality.scatter_reduce(1, own.target, each, reduce="amax")
        nearest, central = center_distances(self._grid, truth, present).min(dim=1)
        by_center = (nearest < torch.inf) * (1 - quality.gather(1, central))
        aligned = own.scores.sum(dim=2).to(quality.dtype) * quality.gather(1, own.target)
        # A cell can have a target of each kind.
        target = torch.where(by_center >= aligned, central, own.target)
        score = by_center * (target == central) + aligned * (target == own.target)
        score = score * (score > _LEAST)
        label = labels.gather(1, target)
        return Assigned(
            label,
            truth.gather(1, target[..., None].expand(-1, -1, 4)),
            one_hot(label, scores.shape[2]) * score[..., None],
            score > 0,
            target,
        )


def center_distances(grid: Grid, truth: Float[Tensor, "n k 4"], wanted: Bool[Tensor, "n k"]) -> Float[Tensor, "n k m"]:
    """Distance from the center of each target to its cells, in cells; infinite to all others.

    Args:
        grid: the cells.
        truth: boxes in pixels.
        wanted: targets that get cells.
    """
    center, size = (truth[..., :2] + truth[..., 2:]) / 2, (truth[..., 2:] - truth[..., :2]).clamp(min=1e-3)
    priors = grid.priors
    sides = (priors[:, 2] - priors[:, 0]).log()
    unlike = (size.log().mean(dim=2, keepdim=True) - sides).abs()
    on_map = unlike == unlike.amin(dim=2, keepdim=True)
    distance = (center[:, :, None] - grid.centers).abs().amax(dim=3) / grid.strides[:, 0]
    distance = distance.masked_fill(~on_map, torch.inf)
    low, high = grid.centers >= truth[:, :, None, :2], grid.centers <= truth[:, :, None, 2:]
    central = (distance < _RADIUS) & (low & high).all(dim=3)
    nearest = distance == distance.amin(dim=2, keepdim=True)  # a box smaller than a cell may be between centers
    return distance.masked_fill(~(central | nearest) | ~wanted[..., None], torch.inf)
