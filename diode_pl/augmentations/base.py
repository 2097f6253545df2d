"""What every augmentation offers."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Generator, Tensor

from diode_pl.targets import Targets


class Augmentation(ABC):
    """A random change of images and their boxes together, differentiable in the images.

    Values may leave [0, 1]: a clamp would stop the gradient of every pixel that it touches.
    Draws come from a generator on the CPU whatever device the images are on: the same seed then gives the same
    draws everywhere, and no draw waits for the device.
    """

    @abstractmethod
    def __call__(
        self, images: Float[Tensor, "n 3 h w"], targets: Targets, generator: Generator
    ) -> tuple[Float[Tensor, "n 3 h w"], Targets]:
        """Returns changed copies of ``images`` and ``targets``; shapes stay."""
