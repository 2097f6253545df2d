"""SSD and SSDlite."""

from collections.abc import Callable, Sequence
from pathlib import Path

from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator

from diode_pl.detector.outputs import Outputs
from diode_pl.detector.torchvision.anchors import make_anchors
from diode_pl.detector.torchvision.objectness import split_softmax
from diode_pl.detector.torchvision.one_stage import OneStage


class SSD(OneStage):
    """Default boxes on feature maps of decreasing size, with a softmax; arguments of :class:`TorchvisionDetector`.

    Fixed steps between torchvision's boxes are valid up to the image size of its network. On larger images, where
    boxes would lie outside, the cells of every map divide the image evenly. Below ``smallest``, the last map is empty.

    Source: Liu et al., SSD: Single Shot MultiBox Detector, ECCV 2016; Sandler et al., MobileNetV2, CVPR 2018 (SSDlite).

    Example:
        >>> from functools import partial
        >>> from diode_pl.detector.torchvision.ssd_backbone import ssd_vgg16_bn
        >>> detector = SSD(partial(ssd_vgg16_bn, width=0.1), weights=None, names=["cat", "dog"])
        >>> detector.stride, detector.smallest
        (4, 268)
    """

    class_activation = "softmax"
    first = 1

    def __init__(
        self,
        network: Callable[..., nn.Module],
        weights: str | Path | None,
        names: str | Path | Sequence[str] | None = None,
        stride: int = 4,
        smallest: int = 268,
        partial: bool = False,
    ) -> None:
        super().__init__(network, weights, names, stride, smallest, partial)
        own = self.network.anchor_generator
        self._evenly = DefaultBoxGenerator(own.aspect_ratios, scales=own.scales, clip=own.clip)

    def anchors(self, outputs: Outputs) -> list[Float[Tensor, "_ 4"]]:
        limits = self.network.transform.fixed_size[::-1]  # torchvision's are width and height
        within = all(side <= limit for side, limit in zip(outputs.image_size, limits, strict=True))
        return make_anchors(self.network.anchor_generator if within else self._evenly, outputs)

    def _terms(
        self, targets: list[dict[str, Tensor]], parts: dict[str, Tensor], anchors: list[Tensor], matched: list[Tensor]
    ) -> dict[str, Tensor]:
        return self.network.compute_loss(targets, parts, anchors, matched)

    def _probabilities(self, parts: dict[str, Tensor]) -> tuple[Float[Tensor, "n m"], Float[Tensor, "n m c"]]:
        return split_softmax(parts["cls_logits"], self.columns)
