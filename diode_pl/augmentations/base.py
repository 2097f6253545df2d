"""Base class of the augmentations."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Generator, Tensor

from diode_pl.targets import Targets

Images = Float[Tensor, "n 3 h w"]


class Augmentation(ABC):
    """A random transform of images and their boxes, differentiable in the images.

    Values may leave [0, 1]: clamping would zero the gradient of the clamped pixels. Draws come from a generator on the
    CPU, so that a seed gives the same draws for every device, without a device sync.

    Example:
        >>> import torch
        >>> class Invert(Augmentation):
        ...     def __call__(self, images, targets, generator):
        ...         return 1 - images, targets
        >>> Invert()(torch.zeros(1, 3, 8, 8), Targets.from_images([]), torch.Generator())[0].mean()
        tensor(1.)
    """

    @abstractmethod
    def __call__(self, images: Images, targets: Targets, generator: Generator) -> tuple[Images, Targets]:
        """Returns transformed copies of ``images`` and ``targets``, with the same shapes."""
