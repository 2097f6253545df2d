"""Base class of the samplers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Generator

from diode_pl.provenance import Provenance
from diode_pl.targets import Targets


class Sampler(ABC):
    """Draws the targets of the images.

    Attributes:
        provenance: data that the targets come from; empty if none.

    Example:
        >>> from torch import Tensor
        >>> class Center(Sampler):
        ...     def sample(self, first, count, classes, generator):
        ...         return Targets.from_images([(Tensor([[0.2, 0.2, 0.8, 0.8]]), Tensor([0]).long())] * count)
        >>> targets = Center().sample(0, 4, {"mug": 0}, Generator())
    """

    provenance = Provenance()

    @abstractmethod
    def sample(self, first: int, count: int, classes: Mapping[str, int], generator: Generator) -> Targets:
        """Draws targets for a batch of images.

        Args:
            first: index of the batch's first image in the data set.
            count: number of images in the batch.
            classes: label of each class that the teacher was trained on, by name.
            generator: source of randomness, on the CPU.
        """
