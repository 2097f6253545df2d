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
