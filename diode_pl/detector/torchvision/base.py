"""Base class of detectors with a torchvision network."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.ops import FrozenBatchNorm2d

from diode_pl.detector.base import Detector, Outputs
from diode_pl.detector.input_size import InputSize
from diode_pl.detector.norm_inputs import name_called
from diode_pl.detector.torchvision.anchors import image_scale
from diode_pl.detector.torchvision.builders import describe_builder
from diode_pl.detector.torchvision.frozen_norms import frozen_norm_metadata
from diode_pl.detector.torchvision.loading import load_network
from diode_pl.targets import Targets

_NORMS = (nn.BatchNorm2d, FrozenBatchNorm2d)
_STEM = (*_NORMS, nn.GroupNorm, nn.ReLU, nn.ReLU6, nn.Hardswish, nn.SiLU, nn.MaxPool2d)


class TorchvisionDetector(Detector):
    """A torchvision network without its transform: images keep their size, and are normalized inside.

    Args:
        network: builds torchvision's network, called with ``num_classes``.
        weights: ``COCO_V1``, path of a state dict, or None for random ones.
        names: path of a file with one class name per line, or the names; None: COCO's.
        stride: image height and width must be multiples of it, in pixels.
        smallest: minimum height and width in pixels.
        partial: takes of ``weights`` what fits by name and shape, and draws the rest.

    Attributes:
        columns: output of each class.
        first: output of the first class: 1 if output 0 is the background, else 0.
        sides: arguments of the constructor about the sides of images.

    Raises:
        ConfigError: if network, weights and names do not match.
        DownloadError: if the weights cannot be downloaded.
    """

    first = 0
    sides: tuple[str, ...] = ("stride", "smallest")
    network: Any  # torchvision does not type its parts
    columns: Tensor
    _mean: Tensor
    _std: Tensor

    def __init__(
        self,
        network: Callable[..., nn.Module],
        weights: str | Path | None,
        names: str | Path | Sequence[str] | None = None,
        stride: int = 32,
        smallest: int = 32,
        partial: bool = False,
    ) -> None:
        loaded = load_network(network, weights, names, self.first, partial)
        super().__init__(loaded.class_names, stride, smallest)
        self.network, self.provenance = loaded.network, loaded.provenance
        self._built_by = describe_builder(network)
        transform = self.network.transform
        for name, numbers in (("_mean", transform.image_mean), ("_std", transform.image_std)):
            self.register_buffer(name, torch.tensor(numbers).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("columns", torch.tensor(loaded.columns), persistent=False)
        self._norm_names = self._find_norms()

    def _normalize(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        self.require_size(images)
        return (images - self._mean) / self._std

    @staticmethod
    def _outputs(images: Tensor, heads: Sequence[Tensor], features: Sequence[Tensor]) -> Outputs:
        height, width = images.shape[2:]
        # Powers of two: each halving rounds up the height of a map.
        strides = tuple(2 ** math.ceil(math.log2(height / feature.shape[2])) for feature in features)
        return Outputs(tuple(heads), tuple(features), strides, (height, width))

    def norm_layers(self) -> list[nn.Module]:
        return [self.get_submodule(name) for name in self._norm_names]

    @property
    def backbone_norm_layers(self) -> int:
        backbone = self.network.backbone
        # Without what torchvision adds to a backbone: a feature pyramid, or further convolutions.
        own = set(getattr(backbone, "body", getattr(backbone, "features", backbone)).modules())
        return sum(layer in own for layer in self.norm_layers())

    def forward_stem(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c p q"]:
        """Output of the first convolution and of norm, activation and pooling right after it."""
        layers = [layer for layer in self.network.backbone.modules() if not list(layer.children())]
        first = next(i for i, layer in enumerate(layers) if isinstance(layer, nn.Conv2d))
        images = layers[first]((images - self._mean) / self._std)
        for layer in layers[first + 1 :]:
            if not isinstance(layer, _STEM):
                break
            images = layer(images)
        return images

    def weights_metadata(self) -> dict[str, str]:
        noted = frozen_norm_metadata(self)
        if self._built_by is None or not type(self).__module__.startswith("diode_pl."):  # one's own
            return noted
        sides = {key: getattr(self, key) for key in self.sides}
        architecture = {"class": type(self).__name__, "network": self._built_by, **sides}
        return noted | {"architecture": json.dumps(architecture)}

    def _with_background(self, logits: Float[Tensor, "k o"]) -> Float[Tensor, "k c"]:
        """Logits of the classes, then of the background if there is one."""
        return torch.cat([logits[:, self.columns], logits[:, : self.first]], dim=1)

    def to_torchvision(self, outputs: Outputs, targets: Targets) -> list[dict[str, Tensor]]:
        """Converts targets to torchvision's format: in pixels, without empty boxes; triggers a device sync."""
        scale, converted = image_scale(outputs), []
        for position in valid_positions(targets):
            boxes = targets.boxes[position].to(scale.dtype)
            converted.append({"boxes": boxes * scale, "labels": self.columns[targets.labels[position]]})
        return converted

    def _find_norms(self) -> list[str]:
        """Names of the norm layers that a forward pass calls, in their order."""
        side = InputSize.from_detectors({"network": self}).smallest
        return name_called(self, _NORMS, torch.zeros(1, 3, side, side))


def valid_positions(targets: Targets) -> list[Tensor]:
    """Positions of the valid boxes of each image that are not empty; triggers a device sync."""
    size, images = targets.boxes[:, 2:] - targets.boxes[:, :2], targets.batch_size
    image = torch.where(targets.valid & (size > 0).all(dim=1), targets.image_index, images)
    counts = (image[:, None] == torch.arange(images + 1, device=image.device)).sum(dim=0).tolist()
    return list(image.argsort(stable=True).split(counts)[:-1])
