"""The classifier of object crops."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models import ResNet, resnet18, resnet50

Kind = Literal["softmax", "sigmoid", "both"]

LAYERS = range(5)
_BACKBONES: dict[str, Callable[..., ResNet]] = {"resnet18": resnet18, "resnet50": resnet50}


class CropClassifier(nn.Module):
    """A torchvision ResNet with random weights for crops in [0, 1].

    Args:
        class_names: unique names, in the order of the logits.
        backbone: ``resnet18`` or ``resnet50``.
        stem_stride: stride of layer 0 in pixels: 4 is the published stem, 2 a 3x3 convolution of stride 1 and the
            max-pooling, for crops of 32 pixels.
        kind: activation that the logits are trained for: ``softmax``, ``sigmoid``, or ``both``.
        crop_size: height and width of the training crops in pixels, >= 8.
        mean: per color channel, subtracted from the crops; None does not normalize.
        std: per color channel, > 0; divides the crops after that.

    Raises:
        ValueError: if an argument is out of range, names repeat, or only one of ``mean`` and ``std`` is given.

    Source: Guo, Alvarez, Salzmann, NeurIPS 2021, section 3.1.

    Example:
        >>> classifier = CropClassifier(("cat", "dog"), crop_size=32).eval()
        >>> classifier(torch.rand(5, 3, 32, 32)).shape
        torch.Size([5, 2])
    """

    mean: Tensor | None
    std: Tensor | None

    def __init__(
        self,
        class_names: Sequence[str],
        backbone: Literal["resnet18", "resnet50"] = "resnet18",
        stem_stride: Literal[2, 4] = 4,
        kind: Kind = "softmax",
        crop_size: int = 64,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        names = tuple(class_names)
        if not names or len(set(names)) != len(names):
            raise ValueError(f"class_names must be unique, at least one, got {list(names)}")
        if backbone not in _BACKBONES or stem_stride not in (2, 4) or kind not in ("softmax", "sigmoid", "both"):
            raise ValueError(
                f"backbone, stem_stride and kind: expected one of {list(_BACKBONES)}, 2 or 4, and softmax, "
                f"sigmoid or both, got {backbone!r}, {stem_stride} and {kind!r}"
            )
        if crop_size < 8:
            raise ValueError(f"crop_size must be >= 8 pixels, got {crop_size}")
        if (mean is None) != (std is None):
            raise ValueError(f"mean and std: expected both or neither, got {mean} and {std}")
        for key, values in (("mean", mean), ("std", std)):
            if values is not None and (len(values) != 3 or (key == "std" and min(values) <= 0)):
                raise ValueError(f"{key}: one number for each of red, green and blue, std above 0, got {list(values)}")
            # Not persistent: the state dict is that of torchvision's network, mean and std are settings.
            buffer = None if values is None else torch.tensor(list(values), dtype=torch.float32).view(3, 1, 1)
            self.register_buffer(key, buffer, persistent=False)
        self.class_names, self.backbone, self.stem_stride = names, backbone, stem_stride
        self.kind, self.crop_size = kind, crop_size
        self.network = _BACKBONES[backbone](weights=None, num_classes=len(names))
        if stem_stride == 2:
            self.network.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
            nn.init.kaiming_normal_(self.network.conv1.weight, mode="fan_out", nonlinearity="relu")

    @property
    def settings(self) -> dict[str, Any]:
        """Constructor arguments as plain data."""
        settings = {key: getattr(self, key) for key in ("backbone", "stem_stride", "kind", "crop_size")}
        buffers = {"mean": self.mean, "std": self.std}
        stats = {key: None if value is None else value.flatten().tolist() for key, value in buffers.items()}
        return {"class_names": list(self.class_names)} | settings | stats

    def forward(self, crops: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c"]:
        """Returns the class logits of RGB crops in [0, 1]; sizes other than ``crop_size`` are legal."""
        return self.network(self._normalize(crops))

    def features(self, crops: Float[Tensor, "n 3 h w"], layers: Sequence[int]) -> list[Tensor]:
        """Returns a feature map per layer, differentiable in the crops; layers above the highest are not computed.

        Args:
            crops: RGB in [0, 1].
            layers: 0 is the stem after its max-pooling, 1 to 4 are the stages.

        Raises:
            ValueError: if a layer does not exist.
        """
        if unknown := [layer for layer in layers if layer not in LAYERS]:
            raise ValueError(f"layers: a classifier has layers 0 to {LAYERS[-1]}, got {unknown}")
        net = self.network
        x = net.maxpool(net.relu(net.bn1(net.conv1(self._normalize(crops)))))
        maps = [x]
        for stage in (net.layer1, net.layer2, net.layer3, net.layer4)[: max(layers, default=0)]:
            maps.append(x := stage(x))
        return [maps[layer] for layer in layers]

    def _normalize(self, crops: Tensor) -> Tensor:
        return crops if self.mean is None or self.std is None else (crops - self.mean) / self.std
