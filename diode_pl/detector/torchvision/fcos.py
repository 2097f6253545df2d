"""FCOS."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diode_pl.detector.base import Outputs
from diode_pl.detector.torchvision.objectness import split_sigmoid
from diode_pl.detector.torchvision.one_stage import OneStage


class FCOS(OneStage):
    """One point a cell of a feature pyramid, which tells its distances to the sides of the box it lies in.

    Args:
        network: builds torchvision's network.
        weights: ``COCO_V1``, path of a state dict, or None for random ones.
        names: path of a file with one class name a line, or the names; None: COCO's.

    Raises:
        ConfigError: network, weights and names do not fit each other.
        DownloadError: the weights could not be downloaded.

    Source: Tian et al., FCOS: Fully Convolutional One-Stage Object Detection, ICCV 2019.
    """

    parts = {"bbox_regression": 4, "bbox_ctrness": 1, "cls_logits": None}

    def _match(self, boxes: Float[Tensor, "k 4"], anchors: Float[Tensor, "m 4"], outputs: Outputs) -> Int[Tensor, " m"]:
        """Points in the middle of a box, on the level that its size belongs to; of several boxes the smallest one."""
        if not len(boxes):
            return boxes.new_full((len(anchors),), -1).long()
        points, sizes = (anchors[:, :2] + anchors[:, 2:]) / 2, anchors[:, 2] - anchors[:, 0]
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2
        distance = (points[:, None] - middles).abs().amax(dim=2)
        central = distance < self.network.center_sampling_radius * sizes[:, None]
        sides = torch.cat([points[:, None] - boxes[:, :2], boxes[:, 2:] - points[:, None]], dim=2)
        # Each level answers for objects of four to eight times its points' distance; the outer ones for all beyond.
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
        """Squares as large as the objects that a level answers for; its points themselves have no size."""
        # A point in the middle of an object of side s reaches s / 2: 4 to 8 times its distance to the next.
        factors = [11.3 if i else 5.0 for i in range(len(levels))]
        grown = []
        for level, factor in zip(levels, factors, strict=True):
            middle, half = (level[:, :2] + level[:, 2:]) / 2, (level[:, 2:] - level[:, :2]) / 2 * factor
            grown.append(torch.cat([middle - half, middle + half], dim=1))
        return torch.cat(grown)

    def _probabilities(self, said: dict[str, Tensor]) -> tuple[Float[Tensor, "n m"], Float[Tensor, "n m c"]]:
        scores = said["cls_logits"][..., self._columns].sigmoid() * said["bbox_ctrness"].sigmoid()
        return split_sigmoid(scores.clamp(min=1e-12).sqrt())
