"""Random hue, saturation and value."""

import math

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from diode_pl.augmentations.base import Augmentation
from diode_pl.targets import Targets

# Luma and the two color axes of NTSC, on which a rotation changes the hue and leaves the luma.
_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
_RGB = torch.linalg.inv(_YIQ)


class HueSaturationValue(Augmentation):
    """Turns the hue, scales the saturation and the value, each by a uniform draw for every image.

    All three are linear in YIQ colors, so one 3 x 3 matrix an image does it, on any device, in one pass. Where colors
    leave [0, 1] this differs from the same change in HSV colors, which would clip them.

    Args:
        hue: largest turn, as a share of the whole circle, in [0, 0.5].
        saturation: largest relative change, in [0, 1].
        value: likewise, of the brightness.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(self, hue: float = 0.014, saturation: float = 0.68, value: float = 0.36) -> None:
        if not (0 <= hue <= 0.5 and 0 <= saturation <= 1 and 0 <= value <= 1):
            raise ValueError(
                f"hue, saturation and value must be in [0, 0.5], [0, 1] and [0, 1], got {hue}, {saturation} and {value}"
            )
        self.hue, self.saturation, self.value = hue, saturation, value

    def __call__(
        self, images: Float[Tensor, "n 3 h w"], targets: Targets, generator: Generator
    ) -> tuple[Float[Tensor, "n 3 h w"], Targets]:
        """Returns changed copies of ``images`` and ``targets``; shapes stay."""
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
