"""First stage of two-stage detectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.detector.outputs import DensePredictions, Outputs
from diode_pl.detector.torchvision.anchors import cells_around, image_scale, make_anchors
from diode_pl.detector.torchvision.deterministic_sampler import process_share
from diode_pl.numerics.dtypes import at_least_float32


@dataclass(frozen=True)
class RegionProposals:
    """Torchvision's network with a :class:`DeterministicBalancedSampler`, and one head per feature map."""

    network: Any

    def heads(self, features: Sequence[Float[Tensor, "n c _ _"]]) -> tuple[Float[Tensor, "n _ 5"], ...]:
        """Rows of objectness and box code for each feature map, in the order of the anchors."""
        rows = []
        for objectness, codes in zip(*self.network.head(list(features)), strict=True):
            both = torch.cat([objectness[:, :, None], codes.unflatten(1, (objectness.shape[1], 4))], dim=2)
            rows.append(both.permute(0, 3, 4, 1, 2).flatten(1, 3))
        return tuple(rows)

    @torch.no_grad()
    def proposals(self, outputs: Outputs) -> tuple[Float[Tensor, "_ 4"], ...]:
        """Boxes of each image for the second stage in pixels, best first."""
        objectness, codes, levels = self._split(outputs)
        boxes = self.network.box_coder.decode(codes.flatten(0, 1), [torch.cat(levels)] * len(codes))
        sizes, counts = [outputs.image_size] * len(codes), [len(level) for level in levels]
        return tuple(self.network.filter_proposals(boxes.view_as(codes), objectness, sizes, counts)[0])

    def loss(self, outputs: Outputs, targets: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        """Torchvision's loss of objectness and boxes; ``targets`` are in torchvision's format."""
        objectness, codes, levels = self._split(outputs)
        anchors = [torch.cat(levels)] * len(targets)
        labels, boxes = self.network.assign_targets_to_anchors(anchors, targets)
        encoded = self.network.box_coder.encode(boxes, anchors)
        terms = self.network.compute_loss(objectness, codes.flatten(0, 1), labels, encoded)
        share = process_share(self.network.fg_bg_sampler.count(labels).to(objectness.dtype))
        return {"proposal_objectness": terms[0] * share, "proposal_box": terms[1] * share}

    def dense(self, outputs: Outputs) -> DensePredictions:
        """Decodes every anchor, differentiable; this stage has no classes."""
        objectness, codes, levels = self._split(outputs)
        scale, anchors = image_scale(outputs), torch.cat(levels)
        every = anchors.expand(len(codes), -1, -1)
        boxes = self.network.box_coder.decode_single(codes.flatten(0, 1), every.flatten(0, 1)).view_as(codes)
        cells = [cells_around(level / scale, f) for level, f in zip(levels, outputs.features, strict=True)]
        classes = objectness.new_zeros(*objectness.shape, 0)
        return DensePredictions(boxes / scale, objectness.sigmoid(), classes, anchors / scale, torch.cat(cells))

    def _split(self, outputs: Outputs) -> tuple[Float[Tensor, "n m"], Float[Tensor, "n m 4"], list[Tensor]]:
        """Objectness logits and box codes, in float32 or float64, and the anchors of each feature map in pixels."""
        rows = at_least_float32(torch.cat(outputs.heads, dim=1))
        return rows[..., 0], rows[..., 1:], make_anchors(self.network.anchor_generator, outputs)
