"""Faster R-CNN."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.detection.roi_heads import fastrcnn_loss
from torchvision.ops import clip_boxes_to_image, remove_small_boxes

from diode_pl.detector.nms import suppress
from diode_pl.detector.outputs import DensePredictions, Detections, MatchedPredictions, Outputs
from diode_pl.detector.torchvision.anchors import image_scale
from diode_pl.detector.torchvision.base import TorchvisionDetector, valid_positions
from diode_pl.detector.torchvision.deterministic_sampler import DeterministicBalancedSampler, process_share
from diode_pl.detector.torchvision.objectness import split_softmax
from diode_pl.detector.torchvision.region_proposals import RegionProposals
from diode_pl.numerics.dtypes import at_least_float32
from diode_pl.targets import Targets

_LEAST_SIDE = 1e-2  # pixels: smaller boxes are dropped, as in torchvision


class FasterRCNN(TorchvisionDetector):
    """Region proposals that a second stage classifies and refines; arguments of :class:`TorchvisionDetector`.

    Heads are rows of objectness and box code of the first stage for each feature map, ``(n, anchors, 5)``. The second
    stage is not part of :meth:`forward`, as the loss runs it only on a sample of the proposals:
    :meth:`heads_on_proposals_of` computes its rows, ``(proposals, outputs + 4 outputs)``. The input of its norm layers
    depends on the caller, so :meth:`norm_layers` excludes them.

    Source: Ren et al., Faster R-CNN, NeurIPS 2015; Lin et al., Feature Pyramid Networks, CVPR 2017.

    Example:
        >>> from diode_pl.detector.torchvision.narrow_models import narrow_faster_rcnn
        >>> detector = FasterRCNN(narrow_faster_rcnn, weights=None, names=["cat", "dog"])
        >>> outputs = detector.eval()(torch.rand(2, 3, 64, 64))
        >>> [tuple(head.shape) for head in outputs.heads], len(outputs.proposals)
        ([(2, 576, 5), (2, 144, 5), (2, 36, 5)], 2)
    """

    class_activation = "softmax"
    first = 1
    sides = ()

    def __init__(
        self,
        network: Callable[..., nn.Module],
        weights: str | Path | None,
        names: str | Path | Sequence[str] | None = None,
        partial: bool = False,
    ) -> None:
        super().__init__(network, weights, names, 32, 32, partial)
        for stage in (self.network.rpn, self.network.roi_heads):
            drawn = stage.fg_bg_sampler
            stage.fg_bg_sampler = DeterministicBalancedSampler(drawn.batch_size_per_image, drawn.positive_fraction)

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Outputs:
        maps = self.network.backbone(self._normalize(images))
        maps = {"0": maps} if isinstance(maps, Tensor) else maps
        self._levels, features = tuple(maps), tuple(maps.values())
        outputs = self._outputs(images, self._first.heads(features), features)
        return replace(outputs, proposals=self._first.proposals(outputs))

    def loss(self, outputs: Outputs, targets: Targets) -> dict[str, Tensor]:
        converted = self.to_torchvision(outputs, targets)
        boxes, _, labels, encoded = self._sample(outputs, converted)
        logits, codes = self._split(self._second_stage(outputs, boxes))
        # The mean over an empty sample is NaN.
        empty = (logits.sum(), codes.sum())
        terms = fastrcnn_loss(logits, codes.flatten(1), labels, encoded) if len(logits) else empty
        share = process_share(logits.new_full((), len(logits)))
        second = {name: term * share for name, term in zip(("class", "box"), terms, strict=True)}
        return self._first.loss(outputs, converted) | second

    def decode(self, outputs: Outputs) -> DensePredictions:
        return self._decode(outputs, outputs.proposals)

    def decode_stages(self, outputs: Outputs, hints: Targets) -> tuple[DensePredictions, ...]:
        # As many proposals as in training on labels, with hints in place of labels.
        boxes = self._sample(outputs, self.to_torchvision(outputs, hints.clip(min_area=0.0)))[0]
        return self._first.dense(outputs), self._decode(outputs, boxes)

    def heads_on_proposals_of(self, outputs: Outputs, other: Outputs) -> tuple[Tensor, ...]:
        return *outputs.heads, self._second_stage(outputs, other.proposals)

    def class_logits(self, outputs: Outputs) -> Float[Tensor, "n m c"]:
        logits = self._split(self._second_stage(outputs, outputs.proposals))[0][:, self.columns]
        return _pad(logits, outputs.proposals, logits.new_zeros(logits.shape[1]))

    def match_predictions(self, outputs: Outputs, targets: Targets) -> MatchedPredictions:
        positions, converted = valid_positions(targets), self.to_torchvision(outputs, targets)
        sample, owners, labels, _ = self._sample(outputs, converted)
        # On the whole sample: batch norm in the second stage has the same batch as in the loss.
        logits, codes = self._split(self._second_stage(outputs, sample))
        classes = torch.cat(list(labels))
        (matched,) = torch.nonzero(classes > 0, as_tuple=True)
        image = torch.cat([torch.full_like(each, i) for i, each in enumerate(labels)])[matched]
        target = torch.cat([at[own[c > 0]] for at, own, c in zip(positions, owners, labels, strict=True)])
        boxes = self._boxes(codes[matched, classes[matched]], torch.cat(list(sample))[matched]) / image_scale(outputs)
        return MatchedPredictions(image, target, boxes, self._with_background(logits)[matched])

    @torch.no_grad()
    def predict(
        self, outputs: Outputs, confidence: float = 0.005, iou: float = 0.45, max_detections: int = 100
    ) -> list[Detections]:
        rows = self._second_stage(outputs, outputs.proposals)
        if not bool(torch.isfinite(rows).all()):  # not among the heads, and no box would be above any score
            raise ValueError(f"{type(self).__name__}: outputs of the second stage are not finite")
        logits, codes = self._split(rows)
        counts, found = [len(each) for each in outputs.proposals], []
        per_image = zip(logits.softmax(dim=1).split(counts), codes.split(counts), outputs.proposals, strict=True)
        for scores, code, proposals in per_image:
            scores = scores[:, self.columns]
            row, label = torch.nonzero(scores > confidence, as_tuple=True)
            boxes = self._boxes(code[row, self.columns[label]], proposals[row])
            boxes = clip_boxes_to_image(boxes, outputs.image_size)
            kept = remove_small_boxes(boxes, _LEAST_SIDE)
            row, label, boxes = row[kept], label[kept], boxes[kept] / image_scale(outputs)
            found.append(suppress(boxes, scores[row, label], label, iou, max_detections))
        return found

    @property
    def _first(self) -> RegionProposals:
        return RegionProposals(self.network.rpn)

    def _sample(
        self, outputs: Outputs, targets: list[dict[str, Tensor]]
    ) -> tuple[Sequence[Tensor], Sequence[Tensor], Sequence[Tensor], Sequence[Tensor]]:
        """Boxes of each image that the second stage is trained on, with target, label and box code."""
        return self.network.roi_heads.select_training_samples(list(outputs.proposals), targets)

    def _decode(self, outputs: Outputs, proposals: Sequence[Tensor]) -> DensePredictions:
        """One candidate per proposal, with the box of its most probable class."""
        logits, codes = self._split(self._second_stage(outputs, proposals))
        objectness, classes = split_softmax(logits, self.columns)
        best = self.columns[classes.argmax(dim=1)]
        priors, scale = torch.cat(list(proposals)), image_scale(outputs)
        boxes = self._boxes(codes[torch.arange(len(codes), device=codes.device), best], priors) / scale
        # Padded to the largest number of proposals, with objectness 0.
        whole = boxes.new_tensor([0.0, 0.0, 1.0, 1.0])
        padding = (whole, whole[0], whole[0].expand(classes.shape[1]), whole)
        values = zip((boxes, objectness, classes, priors / scale), padding, strict=True)
        padded = [_pad(value, proposals, filler) for value, filler in values]
        return DensePredictions(padded[0], padded[1], padded[2], padded[3], None)

    def _second_stage(self, outputs: Outputs, boxes: Sequence[Float[Tensor, "_ 4"]]) -> Float[Tensor, "k d"]:
        """Raw rows for the boxes of each image, in pixels; differentiable in the features."""
        heads = self.network.roi_heads
        # Pooling needs one dtype, and coordinates in half precision are pixels off.
        maps = {name: at_least_float32(each) for name, each in zip(self._levels, outputs.features, strict=True)}
        number = maps[self._levels[0]]
        pooled = heads.box_roi_pool(maps, [each.to(number) for each in boxes], [outputs.image_size] * len(boxes))
        # Features in half precision may meet weights in float32.
        pooled = pooled.to(next(heads.box_predictor.parameters()).dtype)
        return torch.cat(heads.box_predictor(heads.box_head(pooled)), dim=1)

    @staticmethod
    def _split(rows: Float[Tensor, "k d"]) -> tuple[Float[Tensor, "k o"], Float[Tensor, "k o 4"]]:
        """Logits and box codes of each output of the second stage, in float32 or float64."""
        rows, count = at_least_float32(rows), rows.shape[1] // 5
        return rows[:, :count], rows[:, count:].unflatten(1, (count, 4))

    def _boxes(self, codes: Float[Tensor, "k 4"], proposals: Float[Tensor, "k 4"]) -> Float[Tensor, "k 4"]:
        """Boxes of the second stage in pixels."""
        return self.network.roi_heads.box_coder.decode_single(codes, proposals)


def _pad(values: Float[Tensor, "k ..."], boxes: Sequence[Tensor], filler: Float[Tensor, "..."]) -> Tensor:
    """Stacks the values of the boxes of each image, padded to the same length >= 1."""
    rows = values.split([len(each) for each in boxes])
    most = max(1, *map(len, rows))
    return torch.stack([torch.cat([row, filler.expand(most - len(row), *filler.shape)]) for row in rows])
