"""Random hue, saturation and value."""

import math

import torch
from torch import Generator

from diode_pl.augmentations.base import Augmentation, Images
from diode_pl.targets import Targets

# Luma and the two chroma axes of NTSC; a rotation of the chroma plane changes the hue but not the luma.
_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
_RGB = torch.linalg.inv(_YIQ)


class HueSaturationValue(Augmentation):
    """Shifts the hue and scales saturation and value, each by a uniform draw per image.

    All three are linear in YIQ, so a single 3 x 3 matrix per image suffices. Unlike a change in HSV, this does not clip
    colors outside [0, 1].

    Args:
        hue: maximum shift, as a share of the full circle, in [0, 0.5].
        saturation: maximum relative change of the saturation, in [0, 1].
        value: maximum relative change of the brightness, in [0, 1].

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> gray, targets = torch.ones(2, 3, 8, 8), Targets(torch.rand(2, 4), torch.arange(2), torch.arange(2), 2)
        >>> changed, _ = HueSaturationValue(value=0.0)(gray, targets, torch.Generator().manual_seed(0))
        >>> torch.allclose(changed, gray, atol=1e-4)  # gray has no hue or saturation
        True
    """

    def __init__(self, hue: float = 0.014, saturation: float = 0.68, value: float = 0.36) -> None:
        if not (0 <= hue <= 0.5 and 0 <= saturation <= 1 and 0 <= value <= 1):
            raise ValueError(
                f"hue, saturation and value must be in [0, 0.5], [0, 1] and [0, 1], got {hue}, {saturation} and {value}"
            )
        self.hue, self.saturation, self.value = hue, saturation, value

    def __call__(self, images: Images, targets: Targets, generator: Generator) -> tuple[Images, Targets]:
        draws = torch.rand(3, len(images), generator=generator) * 2 - 1
        angle = draws[0] * self.hue * 2 * math.pi
        chroma, luma = 1 + draws[1] * self.saturation, 1 + draws[2] * self.value
        change = torch.zeros(len(images), 3, 3)
        change[:, 0, 0] = 1
        change[:, 1, 1] = change[:, 2, 2] = chroma * angle.cos()
        change[:, 1, 2] = -chroma * angle.sin()
        change[:, 2, 1] = chroma * angle.sin()
        matrix = (luma[:, None, None] * (_RGB @ change @ _YIQ)).to(images, non_blocking=True)
        return torch.einsum("nij,njhw->nihw", matrix, images), targets
