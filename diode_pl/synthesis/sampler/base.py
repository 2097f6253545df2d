"""What every sampler offers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Generator

from diode_pl.provenance import Provenance
from diode_pl.targets import Targets


class Sampler(ABC):
    """Decides which objects the images are to show, and where.

    Attributes:
        provenance: what a result has seen because of it; empty for nothing.
    """

    provenance = Provenance()

    @abstractmethod
    def sample(self, first: int, count: int, classes: Mapping[str, int], generator: Generator) -> Targets:
        """Draws targets for a batch of images.

        Args:
            first: number of the batch's first image in the whole data set.
            count: images in the batch.
            classes: the label of each class that the teacher has learned, by name.
            generator: on the CPU.
        """
