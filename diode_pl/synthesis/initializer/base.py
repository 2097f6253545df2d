"""What every initializer offers."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Generator, Tensor


class Initializer(ABC):
    """What pixels start from.

    Attributes:
        data_access: what a result has seen because of it, besides the teacher; None for nothing.
    """

    data_access: str | None = None

    @abstractmethod
    def __call__(self, count: int, resolution: int, generator: Generator) -> Float[Tensor, "n 3 h w"]:
        """Makes ``count`` square images in [0, 1] on the CPU, ``resolution`` pixels a side."""
