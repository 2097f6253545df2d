"""Boxes and loss of YOLOv3, on static shapes and without a device sync."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import box_convert

from diode_pl.detector.darknet.yolo_assigner import Assignment, assign_targets
from diode_pl.numerics.box_ops import giou
from diode_pl.numerics.distributed import reduce_sum_per_process
from diode_pl.numerics.dtypes import at_least_float32
from diode_pl.targets import Targets

_LARGEST_EXPONENT = 7.0  # boxes up to 1097 anchors wide; keeps exp finite on arbitrary pixels


def yolo_box(raw: Float[Tensor, "*b 4"], anchors: Float[Tensor, "*#b 2"], scale_xy: float) -> Float[Tensor, "*b 4"]:
    """Decodes center (relative to the upper left corner of its cell, in cells), width and height of boxes.

    Args:
        raw: the first four numbers of each row of a head.
        anchors: width and height in the unit of the result.
        scale_xy: range of a center in cells; above 1, it can leave its cell.

    Source: Redmon and Farhadi, YOLOv3, 2018, section 2.1; scale_xy: Bochkovskiy et al., YOLOv4, 2020, section 3.4.
    """
    center = raw[..., :2].sigmoid() * scale_xy - (scale_xy - 1) / 2
    return torch.cat([center, raw[..., 2:4].clamp(max=_LARGEST_EXPONENT).exp() * anchors], dim=-1)


@dataclass(frozen=True)
class YoloOutputs:
    """Outputs of the heads of a YOLO detector.

    Args:
        heads: raw rows x, y, w, h, objectness, class logits of each scale, ``(n, anchors, ny, nx, 5 + classes)``.
        anchors: widths and heights of each scale's anchors, in pixels.
        scales_xy: of each scale, see :func:`yolo_box`.
        image_size: height and width in pixels.
    """

    heads: Sequence[Float[Tensor, "n _ _ _ d"]]
    anchors: Sequence[Float[Tensor, "_ 2"]]
    scales_xy: Sequence[float]
    image_size: tuple[int, int]

    def scales(self) -> Iterator[tuple[Tensor, Tensor, float]]:
        """Raw rows, anchors in float32 or float64 and scale_xy of each scale."""
        for head, anchors, scale_xy in zip(self.heads, self.anchors, self.scales_xy, strict=True):
            yield head, anchors.to(at_least_float32(head[:0]).dtype), scale_xy


@dataclass(frozen=True)
class YoloLoss:
    """Box, class and objectness loss of a YOLOv3 detector.

    All pairs of a target and an anchor of :class:`~diode_pl.detector.darknet.yolo_assigner.Assignment` are computed,
    with weight 0 for those without a match, so that no shape depends on the data.

    Args:
        box_gain: weight of the mean of 1 - GIoU over the matched pairs.
        class_gain: weight of the mean binary cross-entropy over the class logits of the matched pairs.
        objectness_gain: weight of the mean binary cross-entropy over all objectness logits.
        anchor_threshold: a target fits an anchor if their IoU, centered on one another, exceeds it.

    Raises:
        ValueError: if a gain is negative or not finite, or the threshold is outside [0, 1).

    Source: Chawla et al., WACV 2021, section 3; the loss of the YOLOv3 that the paper inverts.

    Example:
        >>> heads, anchors = [torch.zeros(1, 1, 4, 4, 7)], [torch.tensor([[8.0, 8.0]])]
        >>> targets = Targets.from_images([(torch.tensor([[0.1, 0.1, 0.4, 0.4]]), torch.tensor([1]))])
        >>> terms = YoloLoss()(YoloOutputs(heads, anchors, [1.0], (32, 32)), targets)
    """

    box_gain: float = 3.54
    class_gain: float = 37.4
    objectness_gain: float = 64.3
    anchor_threshold: float = 0.225

    def __post_init__(self) -> None:
        for name in ("box_gain", "class_gain", "objectness_gain"):
            if not 0 <= (gain := getattr(self, name)) < math.inf:
                raise ValueError(f"{name} must be finite and >= 0, got {gain}")
        if not 0 <= self.anchor_threshold < 1:
            raise ValueError(f"anchor_threshold must be in [0, 1), got {self.anchor_threshold}")

    def __call__(self, outputs: YoloOutputs, targets: Targets) -> dict[str, Float[Tensor, ""]]:
        """Returns the terms ``box``, ``class`` and ``objectness`` with their gains, summed over the scales."""
        with torch.autocast(device_type=outputs.heads[0].device.type, enabled=False):
            terms = []
            for head, anchors, scale_xy in outputs.scales():
                ny, nx = head.shape[2:4]
                match = assign_targets(anchors, (ny, nx), outputs.image_size, targets, self.anchor_threshold)
                terms.append(_scale_terms(at_least_float32(head), match, targets.labels, scale_xy))
            gains = {"box": self.box_gain, "class": self.class_gain, "objectness": self.objectness_gain}
            scales = zip(gains, zip(*terms, strict=True), strict=True)
            return {name: gains[name] * torch.stack(term).sum() for name, term in scales}


def _scale_terms(
    head: Float[Tensor, "n a ny nx d"], match: Assignment, labels: Int[Tensor, " k"], scale_xy: float
) -> tuple[Tensor, Tensor, Tensor]:
    (count, ny, nx), matched = head.shape[1:4], match.matched
    matches = reduce_sum_per_process(matched.sum(), at_least=1.0)
    anchor = torch.arange(count, device=head.device)
    at = (match.image[:, None], anchor, match.row[:, None], match.column[:, None])
    rows = head[at]
    boxes = box_convert(yolo_box(rows[..., :4], match.anchors, scale_xy), "cxcywh", "xyxy")
    box = ((1 - giou(boxes, match.truth[:, None])) * matched).sum() / matches
    is_class = labels[:, None] == torch.arange(head.shape[4] - 5, device=head.device)
    is_class = is_class[:, None].expand(-1, count, -1).to(head.dtype)
    entropy = F.binary_cross_entropy_with_logits(rows[..., 5:], is_class, reduction="none").mean(dim=2)
    classes = (entropy * matched).sum() / matches
    cell = ((at[0] * count + at[1]) * ny + at[2]) * nx + at[3]
    present = head.new_zeros(head.shape[:4].numel())
    # Two targets may share a cell: a match wins, independent of the order of writes.
    present = present.scatter_reduce(0, cell.flatten(), matched.flatten(), reduce="amax").view(head.shape[:4])
    return box, classes, F.binary_cross_entropy_with_logits(head[..., 4], present)
