"""Base class of torchvision's one-stage detectors."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchvision.ops import box_iou

from diode_pl.detector.base import DensePredictions, Detections, MatchedPredictions, Outputs
from diode_pl.detector.nms import non_max_suppression
from diode_pl.detector.torchvision.anchors import cells_around, image_scale, make_anchors
from diode_pl.detector.torchvision.base import TorchvisionDetector, valid_positions
from diode_pl.detector.torchvision.deterministic_sampler import process_share
from diode_pl.numerics.dtypes import at_least_float32
from diode_pl.targets import Targets


class OneStage(TorchvisionDetector):
    """A detector with one row of numbers per anchor and feature map, ``(n, anchors, d)``.

    Attributes:
        parts: torchvision's names of the parts of a row, with their sizes; None: the rest.
        averaged_over: ``images``, or ``positives`` of the whole batch, over which the loss is a mean.
    """

    parts: dict[str, int | None] = {"bbox_regression": 4, "cls_logits": None}
    averaged_over = "positives"
    clips_before_nms = True

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Outputs:
        features = list(self.network.backbone(self._normalize(images)).values())
        head = self.network.head(features)
        rows = torch.cat([head[part] for part in self.parts], dim=2)
        per_cell = self.network.anchor_generator.num_anchors_per_location()
        counts = [f.shape[2] * f.shape[3] * a for f, a in zip(features, per_cell, strict=True)]
        return self._outputs(images, rows.split(counts, dim=1), features)

    def loss(self, outputs: Outputs, targets: Targets) -> dict[str, Tensor]:
        anchors, converted = torch.cat(self.anchors(outputs)), self.to_torchvision(outputs, targets)
        matched = [self._match(image["boxes"], anchors, outputs) for image in converted]
        terms = self._terms(converted, self._split(outputs), [anchors] * len(converted), matched)
        if self.averaged_over == "images":
            return terms
        # The mean is over the positives of all processes.
        positives = torch.stack([(match >= 0).sum() for match in matched]).sum().to(anchors.dtype)
        share = process_share(positives)
        return {name: term * share for name, term in terms.items()}

    def decode(self, outputs: Outputs) -> DensePredictions:
        parts, levels, scale = self._split(outputs), self.anchors(outputs), image_scale(outputs)
        objectness, classes = self._probabilities(parts)
        boxes = self._boxes(parts["bbox_regression"], torch.cat(levels)) / scale
        cells = torch.cat([cells_around(level / scale, f) for level, f in zip(levels, outputs.features, strict=True)])
        by_class = self.class_activation == "sigmoid"
        priors = self._priors(levels) / scale
        return DensePredictions(boxes, objectness, classes, priors, cells, has_objectness=not by_class)

    def class_logits(self, outputs: Outputs) -> Float[Tensor, "n m c"]:
        return self._split(outputs)["cls_logits"][..., self.columns]

    def match_predictions(self, outputs: Outputs, targets: Targets) -> MatchedPredictions:
        parts, anchors, matches = self._split(outputs), torch.cat(self.anchors(outputs)), []
        per_image = zip(self.to_torchvision(outputs, targets), valid_positions(targets), strict=True)
        for i, (converted, position) in enumerate(per_image):
            match = self._match(converted["boxes"], anchors, outputs)
            anchor = torch.nonzero(match >= 0).squeeze(1)
            matches.append((torch.full_like(anchor, i), position[match[anchor]], anchor))
        image, target, anchor = map(torch.cat, zip(*matches, strict=True))
        boxes = self._boxes(parts["bbox_regression"][image, anchor][None], anchors[anchor])[0]
        logits = self._with_background(parts["cls_logits"][image, anchor])
        return MatchedPredictions(image, target, boxes / image_scale(outputs), logits)

    @torch.no_grad()
    def predict(
        self, outputs: Outputs, confidence: float = 0.005, iou: float = 0.45, max_detections: int = 100
    ) -> list[Detections]:
        dense = self.decode(outputs)
        # Clipped before suppression, as in torchvision.
        return non_max_suppression(replace(dense, boxes=dense.boxes.clamp(0, 1)), confidence, iou, max_detections)

    def _match(self, boxes: Float[Tensor, "k 4"], anchors: Float[Tensor, "m 4"], outputs: Outputs) -> Int[Tensor, " m"]:
        """Index of the box that each anchor is assigned to; negative without one. Boxes in pixels."""
        if not len(boxes):
            return boxes.new_full((len(anchors),), -1).long()
        return self.network.proposal_matcher(box_iou(boxes, anchors))

    def _terms(
        self, targets: list[dict[str, Tensor]], parts: dict[str, Tensor], anchors: list[Tensor], matched: list[Tensor]
    ) -> dict[str, Tensor]:
        """Torchvision's loss."""
        return self.network.head.compute_loss(targets, parts, anchors, matched)

    @abstractmethod
    def _probabilities(self, parts: dict[str, Tensor]) -> tuple[Float[Tensor, "n m"], Float[Tensor, "n m c"]]:
        """Objectness, and probability of each class given an object."""

    def _boxes(self, codes: Float[Tensor, "n m 4"], anchors: Float[Tensor, "m 4"]) -> Float[Tensor, "n m 4"]:
        """Boxes in pixels."""
        every = anchors.expand(codes.shape[0], -1, -1)
        return self.network.box_coder.decode_single(codes.flatten(0, 1), every.flatten(0, 1)).view_as(codes)

    def _priors(self, levels: Sequence[Float[Tensor, "_ 4"]]) -> Float[Tensor, "m 4"]:
        """Reference boxes in pixels."""
        return torch.cat(list(levels))

    def _split(self, outputs: Outputs) -> dict[str, Tensor]:
        """Output of torchvision's head, in float32 or float64."""
        rows = at_least_float32(torch.cat(outputs.heads, dim=1))
        rest = rows.shape[2] - sum(size for size in self.parts.values() if size)
        sizes = [rest if size is None else size for size in self.parts.values()]
        return dict(zip(self.parts, rows.split(sizes, dim=2), strict=True))

    def anchors(self, outputs: Outputs) -> list[Float[Tensor, "_ 4"]]:
        """Anchors of each feature map in pixels."""
        return make_anchors(self.network.anchor_generator, outputs)
