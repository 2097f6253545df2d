"""What all detectors with a torchvision network share: images in, class numbers, norm layers."""

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
from diode_pl.detector.torchvision.anchors import image_scale
from diode_pl.detector.torchvision.frozen_norms import frozen_norm_metadata
from diode_pl.detector.torchvision.loading import load_network
from diode_pl.targets import Targets

_NORMS = (nn.BatchNorm2d, FrozenBatchNorm2d)
_PASSED_ON = (*_NORMS, nn.GroupNorm, nn.ReLU, nn.ReLU6, nn.Hardswish, nn.SiLU, nn.MaxPool2d)


class TorchvisionDetector(Detector):
    """A torchvision network without its transform: images keep their size, and are normalized inside.

    Args:
        network: builds it: ``num_classes`` and ``weights`` are passed.
        weights: see :func:`~diode_pl.detector.torchvision.loading.load_network`.
        names: as above.
        stride: image height and width must be multiples of it, in pixels.
        smallest: least height and width, in pixels.

    Raises:
        ConfigError: network, weights and names do not fit each other.
        DownloadError: the weights could not be downloaded.

    Attributes:
        first: the output of the first class: 1 where output 0 is the background's, else 0.
    """

    first = 0
    network: Any  # one of torchvision's, which do not say what they are made of
    _mean: Tensor
    _std: Tensor
    _columns: Tensor

    def __init__(
        self,
        network: Callable[..., nn.Module],
        weights: str | Path | None,
        names: str | Path | Sequence[str] | None = None,
        stride: int = 32,
        smallest: int = 32,
    ) -> None:
        loaded = load_network(network, weights, names, self.first)
        super().__init__(loaded.class_names, stride, smallest)
        self.network = loaded.network
        self.provenance = loaded.provenance
        transform = self.network.transform
        for name, numbers in (("_mean", transform.image_mean), ("_std", transform.image_std)):
            self.register_buffer(name, torch.tensor(numbers).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("_columns", torch.tensor(loaded.columns), persistent=False)
        self._norm_names = self._norms_in_order()

    def _normalized(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """Images as the network wants them.

        Raises:
            ValueError: they are not of a size that it takes.
        """
        height, width = images.shape[2:]
        if height % self.stride or width % self.stride or min(height, width) < self.smallest:
            raise ValueError(
                f"height and width must be multiples of {self.stride}, and at least {self.smallest}, got "
                f"{height} x {width}"
            )
        return (images - self._mean) / self._std

    @staticmethod
    def _strides(height: int, features: Sequence[Tensor]) -> tuple[int, ...]:
        """Input pixels per cell, as powers of two: maps of uneven images are rounded up by every halving."""
        return tuple(2 ** math.ceil(math.log2(height / feature.shape[2])) for feature in features)

    def norm_layers(self) -> list[nn.Module]:
        """Layers with ``running_mean`` and ``running_var`` that :meth:`forward` reaches, in that order."""
        return [self.get_submodule(name) for name in self._norm_names]

    @property
    def backbone_norm_layers(self) -> int:
        backbone = self.network.backbone
        # What torchvision puts around a backbone: a feature pyramid, or further convolutions.
        body = getattr(backbone, "body", getattr(backbone, "features", backbone))
        own = set(body.modules())
        return sum(layer in own for layer in self.norm_layers())

    def forward_stem(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c p q"]:
        """What the first convolution makes of images; with the norm, activation and pooling right after it."""
        layers = [layer for layer in self.network.backbone.modules() if not list(layer.children())]
        first = next(i for i, layer in enumerate(layers) if isinstance(layer, nn.Conv2d))
        images = layers[first]((images - self._mean) / self._std)
        for layer in layers[first + 1 :]:
            if not isinstance(layer, _PASSED_ON):
                break
            images = layer(images)
        return images

    def weights_metadata(self) -> dict[str, str]:
        return frozen_norm_metadata(self)

    @staticmethod
    def _scale(outputs: Outputs) -> Float[Tensor, " 4"]:
        """Pixels in a unit of the image, for x1, y1, x2, y2; in float32 or better."""
        return image_scale(outputs.heads[0], outputs.image_size)

    def _with_background(self, logits: Float[Tensor, "k o"]) -> Float[Tensor, "k c"]:
        """Logits of the classes, and last that of the background where there is one."""
        return torch.cat([logits[:, self._columns], logits[:, : self.first]], dim=1)

    def _wanted(self, outputs: Outputs, targets: Targets) -> list[dict[str, Tensor]]:
        """Targets in torchvision's format: in pixels, without empty boxes; triggers a device sync."""
        scale, wanted = self._scale(outputs), []
        for position in self._positions(targets):
            boxes = targets.boxes[position].to(scale.dtype)
            wanted.append({"boxes": boxes * scale, "labels": self._columns[targets.labels[position]]})
        return wanted

    @staticmethod
    def _positions(targets: Targets) -> list[Tensor]:
        """Positions of the valid boxes of each image; triggers a device sync."""
        size, images = targets.boxes[:, 2:] - targets.boxes[:, :2], targets.batch_size
        counts = targets.valid & (size > 0).all(dim=1)
        image = torch.where(counts, targets.image_index, images)
        held = (image[:, None] == torch.arange(images + 1, device=image.device)).sum(dim=0).tolist()
        return list(image.argsort(stable=True).split(held)[:-1])

    @torch.no_grad()
    def _norms_in_order(self) -> list[str]:
        """Names of the norm layers in the order in which a forward pass reaches them."""
        names = {module: name for name, module in self.named_modules() if isinstance(module, _NORMS)}
        reached: list[nn.Module] = []
        handles = [layer.register_forward_pre_hook(lambda layer, _: reached.append(layer)) for layer in names]
        training = self.training
        side = InputSize.from_detectors({"network": self}).smallest
        self.eval()(torch.zeros(1, 3, side, side))
        self.train(training)
        for handle in handles:
            handle.remove()
        return list(dict.fromkeys(names[layer] for layer in reached))
