"""The first stage of a two-stage detector: where there may be an object."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.detector.outputs import DensePredictions, Outputs
from diode_pl.detector.torchvision.anchors import anchor_boxes, cells_around, image_scale
from diode_pl.detector.torchvision.deterministic_sampler import share
from diode_pl.numerics.dtypes import at_least_float32


@dataclass(frozen=True)
class RegionProposals:
    """Torchvision's region proposal network, read through the heads of a detector's outputs, one a feature map.

    Args:
        network: torchvision's; its sampler is a :class:`DeterministicBalancedSampler`.
    """

    network: Any

    def heads(self, features: Sequence[Float[Tensor, "n c _ _"]]) -> tuple[Float[Tensor, "n _ 5"], ...]:
        """Of each feature map, rows of objectness and box code; anchors by place, then by shape."""
        rows = []
        for objectness, codes in zip(*self.network.head(list(features)), strict=True):
            both = torch.cat([objectness[:, :, None], codes.unflatten(1, (objectness.shape[1], 4))], dim=2)
            rows.append(both.permute(0, 3, 4, 1, 2).flatten(1, 3))
        return tuple(rows)

    @torch.no_grad()
    def proposals(self, outputs: Outputs) -> tuple[Float[Tensor, "_ 4"], ...]:
        """The boxes of each image that are worth a second look, best first, in pixels."""
        objectness, codes = self._said(outputs)
        levels = self._anchors(outputs)
        boxes = self.network.box_coder.decode(codes.flatten(0, 1), [torch.cat(levels)] * len(codes))
        sizes, counts = [outputs.image_size] * len(codes), [len(level) for level in levels]
        return tuple(self.network.filter_proposals(boxes.view_as(codes), objectness, sizes, counts)[0])

    def loss(self, outputs: Outputs, wanted: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        """Torchvision's loss of objectness and boxes.

        Args:
            outputs: of the detector.
            wanted: targets as torchvision takes them.
        """
        objectness, codes = self._said(outputs)
        anchors = [torch.cat(self._anchors(outputs))] * len(wanted)
        labels, boxes = self.network.assign_targets_to_anchors(anchors, wanted)
        encoded = self.network.box_coder.encode(boxes, anchors)
        of_objectness, of_boxes = self.network.compute_loss(objectness, codes.flatten(0, 1), labels, encoded)
        part = share(self.network.fg_bg_sampler.count(labels).to(objectness.dtype))
        return {"proposal_objectness": of_objectness * part, "proposal_box": of_boxes * part}

    def dense(self, outputs: Outputs) -> DensePredictions:
        """Every anchor, differentiable; this stage tells no classes apart."""
        objectness, codes = self._said(outputs)
        levels = self._anchors(outputs)
        scale = image_scale(codes, outputs.image_size)
        anchors = torch.cat(levels)
        every = anchors.expand(len(codes), -1, -1)
        boxes = self.network.box_coder.decode_single(codes.flatten(0, 1), every.flatten(0, 1)).view_as(codes)
        cells = [cells_around(level / scale, f) for level, f in zip(levels, outputs.features, strict=True)]
        classes = objectness.new_zeros(*objectness.shape, 0)
        return DensePredictions(boxes / scale, objectness.sigmoid(), classes, anchors / scale, torch.cat(cells))

    def _said(self, outputs: Outputs) -> tuple[Float[Tensor, "n m"], Float[Tensor, "n m 4"]]:
        """Objectness logits and box codes, in float32 or better."""
        rows = at_least_float32(torch.cat(outputs.heads, dim=1))
        return rows[..., 0], rows[..., 1:]

    def _anchors(self, outputs: Outputs) -> list[Float[Tensor, "_ 4"]]:
        """Anchors of each feature map in pixels."""
        counts = [head.shape[1] for head in outputs.heads]
        return anchor_boxes(self.network.anchor_generator, outputs.features, outputs.image_size, counts)
