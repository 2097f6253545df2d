"""FCOS."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diode_pl.detector.base import Outputs
from diode_pl.detector.torchvision.objectness import split_sigmoid
from diode_pl.detector.torchvision.one_stage import OneStage


class FCOS(OneStage):
    """Distances from each cell of a feature pyramid to the sides of its box; arguments of :class:`TorchvisionDetector`.

    Source: Tian et al., FCOS: Fully Convolutional One-Stage Object Detection, ICCV 2019.

    Example:
        >>> from functools import partial
        >>> from torchvision.models.detection import fcos_resnet50_fpn
        >>> with torch.device("meta"):  # the shapes alone
        ...     detector = FCOS(partial(fcos_resnet50_fpn, weights_backbone=None), None, ["cat", "dog"])
        >>> detector.stride, len(detector.norm_layers())
        (32, 53)
    """

    parts = {"bbox_regression": 4, "bbox_ctrness": 1, "cls_logits": None}

    def _match(self, boxes: Float[Tensor, "k 4"], anchors: Float[Tensor, "m 4"], outputs: Outputs) -> Int[Tensor, " m"]:
        """Points near the center of a box, on the level of its size; the smallest of several boxes."""
        if not len(boxes):
            return boxes.new_full((len(anchors),), -1).long()
        points, sizes = (anchors[:, :2] + anchors[:, 2:]) / 2, anchors[:, 2] - anchors[:, 0]
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2
        distance = (points[:, None] - middles).abs().amax(dim=2)
        central = distance < self.network.center_sampling_radius * sizes[:, None]
        sides = torch.cat([points[:, None] - boxes[:, :2], boxes[:, 2:] - points[:, None]], dim=2)
        # Objects of 4 to 8 times the distance of a level's points, without limit for the outer levels.
        low, high = 4 * sizes, 8 * sizes
        low[: outputs.heads[0].shape[1]] = 0
        high[-outputs.heads[-1].shape[1] :] = torch.inf
        reach = sides.amax(dim=2)
        fits = central & (sides.amin(dim=2) > 0) & (low[:, None] < reach) & (reach < high[:, None])
        area = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
        smallest, match = torch.where(fits, area, torch.inf).min(dim=1)
        return torch.where(smallest < torch.inf, match, -1)

    def _boxes(self, codes: Float[Tensor, "n m 4"], anchors: Float[Tensor, "m 4"]) -> Float[Tensor, "n m 4"]:
        return self.network.box_coder.decode(codes, anchors.expand_as(codes))

    def _priors(self, levels: Sequence[Float[Tensor, "_ 4"]]) -> Float[Tensor, "m 4"]:
        """Squares of the size of a level's objects, as points have no size."""
        # An object of side s reaches s / 2 from its center: 4 to 8 times the distance of points.
        grown = []
        for i, level in enumerate(levels):
            factor = 11.3 if i else 5.0
            middle, half = (level[:, :2] + level[:, 2:]) / 2, (level[:, 2:] - level[:, :2]) / 2 * factor
            grown.append(torch.cat([middle - half, middle + half], dim=1))
        return torch.cat(grown)

    def _probabilities(self, parts: dict[str, Tensor]) -> tuple[Float[Tensor, "n m"], Float[Tensor, "n m c"]]:
        scores = parts["cls_logits"][..., self.columns].sigmoid() * parts["bbox_ctrness"].sigmoid()
        return split_sigmoid(scores.clamp(min=1e-12).sqrt())
