"""What every initializer offers."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Generator, Tensor

from diode_pl.provenance import Provenance


class Initializer(ABC):
    """What pixels start from.

    Attributes:
        provenance: what a result has seen because of it; empty for nothing.
    """

    provenance = Provenance()

    @abstractmethod
    def __call__(self, count: int, resolution: int, generator: Generator) -> Float[Tensor, "n 3 h w"]:
        """Makes ``count`` square images in [0, 1] on the CPU, ``resolution`` pixels a side."""
