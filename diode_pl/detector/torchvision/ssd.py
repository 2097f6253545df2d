"""SSD and SSDlite."""

from collections.abc import Callable, Sequence
from pathlib import Path

from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator

from diode_pl.detector.torchvision.objectness import split_softmax
from diode_pl.detector.torchvision.one_stage import OneStage


class SSD(OneStage):
    """Default boxes on feature maps of falling size; classes and background compete in a softmax.

    Where torchvision's network has fixed steps between its boxes, they hold up to the size of images that it is made
    for; on larger ones, which would have boxes beyond their border, the cells of every map divide the image evenly.

    Args:
        network: builds torchvision's network.
        weights: ``COCO_V1``, path of a state dict, or None for random ones.
        names: path of a file with one class name a line, or the names; None: COCO's.
        stride: image height and width must be multiples of it, in pixels.
        smallest: least height and width, in pixels: below it, no cell is left of the last map.

    Raises:
        ConfigError: network, weights and names do not fit each other.
        DownloadError: the weights could not be downloaded.

    Source: Liu et al., SSD: Single Shot MultiBox Detector, ECCV 2016; Sandler et al., MobileNetV2, CVPR 2018 (SSDlite).
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
    ) -> None:
        super().__init__(network, weights, names, stride, smallest)
        own = self.network.anchor_generator
        self._evenly = DefaultBoxGenerator(own.aspect_ratios, scales=own.scales, clip=own.clip)

    def _generator(self, image_size: tuple[int, int]) -> nn.Module:
        # Torchvision gives width and height.
        made_for = self.network.transform.fixed_size[::-1]
        within = all(side <= most for side, most in zip(image_size, made_for, strict=True))
        return self.network.anchor_generator if within else self._evenly

    def _terms(
        self, wanted: list[dict[str, Tensor]], said: dict[str, Tensor], anchors: list[Tensor], matched: list[Tensor]
    ) -> dict[str, Tensor]:
        return self.network.compute_loss(wanted, said, anchors, matched)

    def _probabilities(self, said: dict[str, Tensor]) -> tuple[Float[Tensor, "n m"], Float[Tensor, "n m c"]]:
        return split_softmax(said["cls_logits"], self._columns)
