"""Base class of the initializers."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Generator, Tensor

from diode_pl.provenance import Provenance


class Initializer(ABC):
    """Creates the initial images.

    Attributes:
        provenance: data that the images are made from; empty if none.

    Example:
        >>> class Gray(Initializer):
        ...     def __call__(self, count: int, resolution: int, generator: Generator) -> Tensor:
        ...         return Tensor([0.5]).expand(count, 3, resolution, resolution)
        >>> Gray()(2, 32, Generator()).shape
        torch.Size([2, 3, 32, 32])
    """

    provenance = Provenance()

    @abstractmethod
    def __call__(self, count: int, resolution: int, generator: Generator) -> Float[Tensor, "n 3 h w"]:
        """Creates ``count`` images in [0, 1] on the CPU, ``resolution`` x ``resolution`` pixels."""
