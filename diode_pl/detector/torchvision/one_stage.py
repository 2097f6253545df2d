"""Torchvision's one-stage detectors: one row of numbers for each anchor of each level."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torchvision.ops import box_iou

from diode_pl.detector.base import DensePredictions, Detections, MatchedPredictions, Outputs
from diode_pl.detector.nms import detections
from diode_pl.detector.torchvision.anchors import anchor_boxes, cells_around
from diode_pl.detector.torchvision.base import TorchvisionDetector
from diode_pl.detector.torchvision.deterministic_sampler import share
from diode_pl.numerics.dtypes import at_least_float32
from diode_pl.targets import Targets


class OneStage(TorchvisionDetector):
    """Heads are rows of box code, what else the head says of a box, and class logits: ``(n, anchors of a level, d)``.

    Attributes:
        parts: torchvision's names of what stands in a row, with how many numbers each has; None: the rest.
        averaged_over: what the loss is a mean over: ``images``, or ``positives`` of the whole batch.
    """

    parts: dict[str, int | None] = {"bbox_regression": 4, "cls_logits": None}
    averaged_over = "positives"

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Outputs:
        features = list(self.network.backbone(self._normalized(images)).values())
        said = self.network.head(features)
        rows = torch.cat([said[part] for part in self.parts], dim=2)
        per_cell = self.network.anchor_generator.num_anchors_per_location()
        counts = [f.shape[2] * f.shape[3] * a for f, a in zip(features, per_cell, strict=True)]
        height, width = images.shape[2:]
        strides = self._strides(height, features)
        return Outputs(rows.split(counts, dim=1), tuple(features), strides, (height, width))

    def loss(self, outputs: Outputs, targets: Targets) -> dict[str, Tensor]:
        anchors = torch.cat(self._anchors(outputs))
        wanted = self._wanted(outputs, targets)
        matched = [self._match(image["boxes"], anchors, outputs) for image in wanted]
        terms = self._terms(wanted, self._said(outputs), [anchors] * len(wanted), matched)
        if self.averaged_over == "images":
            return terms
        # Several processes count the positives of all of them.
        positives = torch.stack([(match >= 0).sum() for match in matched]).sum().to(anchors.dtype)
        part = share(positives)
        return {name: term * part for name, term in terms.items()}

    def decode(self, outputs: Outputs) -> DensePredictions:
        said, levels = self._said(outputs), self._anchors(outputs)
        anchors = torch.cat(levels)
        scale = self._scale(outputs)
        objectness, classes = self._probabilities(said)
        boxes = self._boxes(said["bbox_regression"], anchors) / scale
        cells = torch.cat([cells_around(level / scale, f) for level, f in zip(levels, outputs.features, strict=True)])
        return DensePredictions(boxes, objectness, classes, self._priors(levels) / scale, cells)

    def class_logits(self, outputs: Outputs) -> Float[Tensor, "n m c"]:
        return self._said(outputs)["cls_logits"][..., self._columns]

    def match_predictions(self, outputs: Outputs, targets: Targets) -> MatchedPredictions:
        said, anchors = self._said(outputs), torch.cat(self._anchors(outputs))
        wanted, positions = self._wanted(outputs, targets), self._positions(targets)
        images, owners, owned = [], [], []
        for i, (of_image, position) in enumerate(zip(wanted, positions, strict=True)):
            match = self._match(of_image["boxes"], anchors, outputs)
            held = torch.nonzero(match >= 0).squeeze(1)
            images.append(torch.full_like(held, i))
            owners.append(position[match[held]])
            owned.append(held)
        image, own = torch.cat(images), torch.cat(owned)
        boxes = self._boxes(said["bbox_regression"][image, own][None], anchors[own])[0]
        logits = self._with_background(said["cls_logits"][image, own])
        return MatchedPredictions(image, torch.cat(owners), boxes / self._scale(outputs), logits)

    @torch.no_grad()
    def predict(
        self, outputs: Outputs, confidence: float = 0.005, iou: float = 0.45, max_detections: int = 100
    ) -> list[Detections]:
        dense = self.decode(outputs)
        # Cut before the suppression, as in torchvision: boxes overlap as far as they are in the image.
        dense = replace(dense, boxes=dense.boxes.clamp(0, 1))
        return detections(dense, confidence, iou, max_detections)

    def _match(self, boxes: Float[Tensor, "k 4"], anchors: Float[Tensor, "m 4"], outputs: Outputs) -> Int[Tensor, " m"]:
        """The position of the box that each anchor is held to; negative for none. Boxes in pixels."""
        if not len(boxes):
            return boxes.new_full((len(anchors),), -1).long()
        return self.network.proposal_matcher(box_iou(boxes, anchors))

    def _terms(
        self, wanted: list[dict[str, Tensor]], said: dict[str, Tensor], anchors: list[Tensor], matched: list[Tensor]
    ) -> dict[str, Tensor]:
        """Torchvision's loss."""
        return self.network.head.compute_loss(wanted, said, anchors, matched)

    @abstractmethod
    def _probabilities(self, said: dict[str, Tensor]) -> tuple[Float[Tensor, "n m"], Float[Tensor, "n m c"]]:
        """Objectness, and probability of each class given an object."""

    def _boxes(self, codes: Float[Tensor, "n m 4"], anchors: Float[Tensor, "m 4"]) -> Float[Tensor, "n m 4"]:
        """Boxes in pixels."""
        every = anchors.expand(codes.shape[0], -1, -1)
        return self.network.box_coder.decode_single(codes.flatten(0, 1), every.flatten(0, 1)).view_as(codes)

    def _priors(self, levels: Sequence[Float[Tensor, "_ 4"]]) -> Float[Tensor, "m 4"]:
        """Reference boxes in pixels."""
        return torch.cat(list(levels))

    def _said(self, outputs: Outputs) -> dict[str, Tensor]:
        """What torchvision's head said, in float32 or better."""
        rows = at_least_float32(torch.cat(outputs.heads, dim=1))
        rest = rows.shape[2] - sum(size for size in self.parts.values() if size)
        sizes = [rest if size is None else size for size in self.parts.values()]
        return dict(zip(self.parts, rows.split(sizes, dim=2), strict=True))

    def _generator(self, image_size: tuple[int, int]) -> nn.Module:
        """Torchvision's, of anchors on images of that height and width in pixels."""
        return self.network.anchor_generator

    def _anchors(self, outputs: Outputs) -> list[Float[Tensor, "_ 4"]]:
        """Anchors of each level in pixels."""
        counts = [head.shape[1] for head in outputs.heads]
        return anchor_boxes(self._generator(outputs.image_size), outputs.features, outputs.image_size, counts)
