"""Base class of the distributions of object sizes."""

from abc import ABC, abstractmethod

from jaxtyping import Float, Int
from torch import Generator, Tensor

from diode_pl.synthesis.sampler.label_prior import LabelPrior


class Extents(ABC):
    """Draws widths and heights of objects.

    Example:
        >>> import torch
        >>> class Halves(Extents):
        ...     def draw(self, labels, prior, generator):
        ...         return torch.full((len(labels), 2), 0.5)
        >>> Halves().draw(torch.tensor([3]), LabelPrior({"mug": 3}), Generator())
        tensor([[0.5000, 0.5000]])
    """

    @abstractmethod
    def draw(self, labels: Int[Tensor, " n"], prior: LabelPrior, generator: Generator) -> Float[Tensor, "n 2"]:
        """Draws width and height of each object, in units of image width and height, in (0, 1].

        Args:
            labels: class of each object.
            prior: what the teacher itself says of them.
            generator: source of randomness, on the CPU.
        """
