"""Base class of the augmentations."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Generator, Tensor

from diode_pl.targets import Targets


class Augmentation(ABC):
    """A random transform of images and their boxes, differentiable in the images.

    Values may leave [0, 1]: clamping would zero the gradient of the clamped pixels. Draws come from a generator on the
    CPU, so that a seed gives the same draws for every device, without a device sync.
    """

    @abstractmethod
    def __call__(
        self, images: Float[Tensor, "n 3 h w"], targets: Targets, generator: Generator
    ) -> tuple[Float[Tensor, "n 3 h w"], Targets]:
        """Returns transformed copies of ``images`` and ``targets``, with the same shapes."""
