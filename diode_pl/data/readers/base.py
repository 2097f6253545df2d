"""The interface of all data set readers."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.utils.data import Dataset

from diode_pl.io.annotation import Annotation
from diode_pl.provenance import Provenance

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Example(Annotation):
    """An image and its annotation, as training and validation see them.

    Args:
        path, boxes, labels: see :class:`Annotation`.
        size: height and width of the original image in pixels.
        image: RGB, 0 to 255, stretched to a square.
    """

    size: tuple[int, int]
    image: UInt8[Tensor, "3 r r"]


class BadImage(ValueError):
    """One image that cannot be used; the others may be fine.

    Args:
        name: of the image.
        reason: why it cannot be used; the text of the error.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)

    def __str__(self) -> str:
        return str(self.args[1])


class BadFileCounter:
    """Names and counts the images and annotations that cannot be used; too many are an error.

    Every process that opens a data set finds the same ones. The count lies in shared memory, where each process writes
    what it has counted itself and never increments: processes that count at the same time cannot lose a file or count
    it twice, and the process that started them knows the result.

    Args:
        max_bad: at most this many are skipped.

    Raises:
        ValueError: ``max_bad`` is negative.
    """

    def __init__(self, max_bad: int) -> None:
        if max_bad < 0:
            raise ValueError(f"max_bad must be >= 0, got {max_bad}")
        self.max_bad = max_bad
        self._counted_here = 0
        self._count = torch.zeros(1, dtype=torch.long).share_memory_()

    def __len__(self) -> int:
        return int(self._count)

    def add(self, name: str, reason: str) -> None:
        """Counts and reports one.

        Raises:
            ValueError: there are more than ``max_bad``.
        """
        self._counted_here += 1
        self._count.fill_(self._counted_here)
        log.warning("skipped %s: %s (%d of at most %d)", name, reason, self._counted_here, self.max_bad)
        if self._counted_here > self.max_bad:
            raise ValueError(
                f"{self._counted_here} images or annotations cannot be used, the last is {name}: {reason}. Repair or "
                f"remove them, or let more be skipped: max_bad is {self.max_bad}"
            )


class ImageSet(Dataset, ABC):
    """Images, with or without boxes, each stretched to a square.

    Args:
        class_names: by label; empty where nothing is labeled.
        resolution: height and width of every image in pixels.
        provenance: the data access level that training on this set adds (``real images``, ``proxy images``, ...).
        max_bad: at most this many bad images and annotations are skipped.

    Attributes:
        computed: True if images are not read from files, so that none can be bad.

    Raises:
        ValueError: ``resolution`` is below 1, ``max_bad`` negative, or the text of ``provenance`` unknown.
    """

    computed = False

    def __init__(self, class_names: Sequence[str], resolution: int, provenance: Provenance | str, max_bad: int) -> None:
        if resolution < 1:
            raise ValueError(f"resolution must be >= 1, got {resolution}")
        self.class_names, self.resolution = tuple(class_names), resolution
        self.provenance = Provenance.from_setting(provenance)
        self.bad_files = BadFileCounter(max_bad)

    @abstractmethod
    def __len__(self) -> int:
        """Number of images."""

    @abstractmethod
    def __getitem__(self, i: int) -> Example:
        """Image ``i``.

        Raises:
            BadImage: it cannot be used.
        """

    def annotation(self, i: int) -> Annotation:
        """The annotation of image ``i``; a subclass that has it at hand does not read the image.

        Raises:
            BadImage: the image had to be read and cannot be used.
        """
        return self[i]
