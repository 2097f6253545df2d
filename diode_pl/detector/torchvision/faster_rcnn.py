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
from diode_pl.detector.torchvision.base import TorchvisionDetector
from diode_pl.detector.torchvision.deterministic_sampler import DeterministicBalancedSampler, share
from diode_pl.detector.torchvision.objectness import split_softmax
from diode_pl.detector.torchvision.region_proposals import RegionProposals
from diode_pl.numerics.dtypes import at_least_float32
from diode_pl.targets import Targets

_LEAST_SIDE = 1e-2  # pixels: smaller boxes are no detections, as in torchvision


class FasterRCNN(TorchvisionDetector):
    """The first stage proposes boxes, the second looks into each of them, names it and corrects it.

    Heads are, for each feature map, rows of objectness and box code of the first stage, ``(n, anchors, 5)``. The second
    stage is not part of :meth:`forward`, as the loss runs it on a sample of the proposals only:
    :meth:`heads_on_proposals_of` computes its rows, ``(proposals, outputs + 4 outputs)``, and so does whatever else
    needs them. What its norm layers see depends on the caller, so :meth:`norm_layers` leaves them out.

    Args:
        network: builds torchvision's network.
        weights: ``COCO_V1``, path of a state dict, or None for random ones.
        names: path of a file with one class name a line, or the names; None: COCO's.

    Raises:
        ConfigError: network, weights and names do not fit each other.
        DownloadError: the weights could not be downloaded.

    Source: Ren et al., Faster R-CNN, NeurIPS 2015; Lin et al., Feature Pyramid Networks, CVPR 2017.
    """

    class_activation = "softmax"
    first = 1

    def __init__(
        self,
        network: Callable[..., nn.Module],
        weights: str | Path | None,
        names: str | Path | Sequence[str] | None = None,
    ) -> None:
        super().__init__(network, weights, names, stride=32, smallest=32)
        for stage in (self.network.rpn, self.network.roi_heads):
            drawn = stage.fg_bg_sampler
            stage.fg_bg_sampler = DeterministicBalancedSampler(drawn.batch_size_per_image, drawn.positive_fraction)

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Outputs:
        maps = self.network.backbone(self._normalized(images))
        maps = {"0": maps} if isinstance(maps, Tensor) else maps
        self._levels = tuple(maps)
        features = tuple(maps.values())
        height, width = images.shape[2:]
        strides = self._strides(height, features)
        outputs = Outputs(self._first.heads(features), features, strides, (height, width))
        return replace(outputs, proposals=self._first.proposals(outputs))

    def loss(self, outputs: Outputs, targets: Targets) -> dict[str, Tensor]:
        wanted = self._wanted(outputs, targets)
        looked, _, labels, encoded = self._sampled(outputs, wanted)
        logits, codes = self._split(self._look(outputs, looked))
        # Nothing proposed and nothing labeled: a mean over nothing is no number.
        nothing = (logits.sum(), codes.sum())
        terms = fastrcnn_loss(logits, codes.flatten(1), labels, encoded) if len(logits) else nothing
        part = share(logits.new_full((), len(logits)))
        of_second = {name: term * part for name, term in zip(("class", "box"), terms, strict=True)}
        return self._first.loss(outputs, wanted) | of_second

    def decode(self, outputs: Outputs) -> DensePredictions:
        return self._second_stage(outputs, outputs.proposals, self._look(outputs, outputs.proposals))

    def decode_stages(self, outputs: Outputs, hints: Targets) -> tuple[DensePredictions, ...]:
        # The second stage learns from as many proposals as in training on labels, hints in the place of labels.
        sure = self._wanted(outputs, hints.clip(min_area=0.0))
        looked = self._sampled(outputs, sure)[0]
        return self._first.dense(outputs), self._second_stage(outputs, looked, self._look(outputs, looked))

    def heads_on_proposals_of(self, outputs: Outputs, other: Outputs) -> tuple[Tensor, ...]:
        return *outputs.heads, self._look(outputs, other.proposals)

    def class_logits(self, outputs: Outputs) -> Float[Tensor, "n m c"]:
        logits = self._split(self._look(outputs, outputs.proposals))[0][:, self._columns]
        return _filled(logits, outputs.proposals, logits.new_zeros(logits.shape[1]))

    def match_predictions(self, outputs: Outputs, targets: Targets) -> MatchedPredictions:
        wanted, positions = self._wanted(outputs, targets), self._positions(targets)
        looked, owners, labels, _ = self._sampled(outputs, wanted)
        # Of all that the loss looks at: where the second stage has batch norm, it sees the same batch.
        logits, codes = self._split(self._look(outputs, looked))
        classes = torch.cat(list(labels))
        (held,) = torch.nonzero(classes > 0, as_tuple=True)
        image = torch.cat([torch.full_like(each, i) for i, each in enumerate(labels)])[held]
        target = torch.cat([at[own[c > 0]] for at, own, c in zip(positions, owners, labels, strict=True)])
        boxes = self._boxes(codes[held, classes[held]], torch.cat(list(looked))[held]) / self._scale(outputs)
        return MatchedPredictions(image, target, boxes, self._with_background(logits)[held])

    @torch.no_grad()
    def predict(
        self, outputs: Outputs, confidence: float = 0.005, iou: float = 0.45, max_detections: int = 100
    ) -> list[Detections]:
        logits, codes = self._split(self._look(outputs, outputs.proposals))
        counts, found = [len(each) for each in outputs.proposals], []
        from_images = zip(logits.softmax(dim=1).split(counts), codes.split(counts), outputs.proposals, strict=True)
        for scores, code, proposals in from_images:
            scores = scores[:, self._columns]
            row, label = torch.nonzero(scores > confidence, as_tuple=True)
            boxes = self._boxes(code[row, self._columns[label]], proposals[row])
            boxes = clip_boxes_to_image(boxes, outputs.image_size)
            seen = remove_small_boxes(boxes, _LEAST_SIDE)
            row, label = row[seen], label[seen]
            found.append(suppress(boxes[seen] / self._scale(outputs), scores[row, label], label, iou, max_detections))
        return found

    @property
    def _first(self) -> RegionProposals:
        return RegionProposals(self.network.rpn)

    def _sampled(
        self, outputs: Outputs, wanted: list[dict[str, Tensor]]
    ) -> tuple[Sequence[Tensor], Sequence[Tensor], Sequence[Tensor], Sequence[Tensor]]:
        """What the second stage trains on of each image, proposals and wanted boxes: with owner, output and code."""
        return self.network.roi_heads.select_training_samples(list(outputs.proposals), wanted)

    def _second_stage(self, outputs: Outputs, looked: Sequence[Tensor], rows: Tensor) -> DensePredictions:
        """One candidate for each box that was looked into, boxed as its likeliest class would be."""
        logits, codes = self._split(rows)
        objectness, classes = split_softmax(logits, self._columns)
        likeliest = self._columns[classes.argmax(dim=1)]
        places, scale = torch.cat(list(looked)), self._scale(outputs)
        boxes = self._boxes(codes[torch.arange(len(codes), device=codes.device), likeliest], places) / scale
        # Images have unlike numbers of proposals; those that fill up are sure to be no object.
        whole = boxes.new_tensor([0.0, 0.0, 1.0, 1.0])
        return DensePredictions(
            _filled(boxes, looked, whole),
            _filled(objectness, looked, whole[0]),
            _filled(classes, looked, whole[0].expand(classes.shape[1])),
            _filled(places / scale, looked, whole),
            None,
        )

    def _look(self, outputs: Outputs, boxes: Sequence[Float[Tensor, "_ 4"]]) -> Float[Tensor, "k d"]:
        """Raw rows of the second stage, differentiable in the features.

        Args:
            boxes: of each image, in pixels.
        """
        heads = self.network.roi_heads
        # Pooling wants boxes and maps in one type, and a coordinate in half precision is pixels off.
        maps = {name: at_least_float32(each) for name, each in zip(self._levels, outputs.features, strict=True)}
        number = maps[self._levels[0]]
        pooled = heads.box_roi_pool(maps, [each.to(number) for each in boxes], [outputs.image_size] * len(boxes))
        # Heads from an answer in half precision may be asked in full.
        pooled = pooled.to(next(heads.box_predictor.parameters()).dtype)
        return torch.cat(heads.box_predictor(heads.box_head(pooled)), dim=1)

    @staticmethod
    def _split(rows: Float[Tensor, "k d"]) -> tuple[Float[Tensor, "k o"], Float[Tensor, "k o 4"]]:
        """Logits and box codes of each output of the second stage, in float32 or better."""
        count = rows.shape[1] // 5
        rows = at_least_float32(rows)
        return rows[:, :count], rows[:, count:].unflatten(1, (count, 4))

    def _boxes(self, codes: Float[Tensor, "k 4"], proposals: Float[Tensor, "k 4"]) -> Float[Tensor, "k 4"]:
        """Boxes of the second stage in pixels."""
        return self.network.roi_heads.box_coder.decode_single(codes, proposals)


def _filled(values: Float[Tensor, "k ..."], boxes: Sequence[Tensor], filler: Float[Tensor, "..."]) -> Tensor:
    """What is said of each box as one row an image, all of one length of at least 1."""
    counts = [len(each) for each in boxes]
    most = max(1, *counts)
    rows = values.split(counts)
    return torch.stack([torch.cat([row, filler.expand(most - len(row), *filler.shape)]) for row in rows])
