"""What every reader of a data set offers."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from diode_pl.provenance import Provenance

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Example:
    """One image as training and validation see it.

    Args:
        image: RGB, 0 to 255, stretched to a square.
        boxes: x1, y1, x2, y2 in units of image width and height, in [0, 1].
        labels: positions in the data set's class names.
        size: height and width of the original in pixels.
        name: of the file, or what else tells it from the others.
    """

    image: UInt8[Tensor, "3 r r"]
    boxes: Float[Tensor, "m 4"]
    labels: Int[Tensor, " m"]
    size: tuple[int, int]
    name: str


class BadImage(ValueError):
    """One image that cannot be used; the others may be fine."""


class BadFileCounter:
    """Images and annotations that cannot be used: each is named and counted, and too many are an error.

    The count lies in memory that processes share: workers that load images count together.

    Args:
        max_bad: so many are skipped.

    Raises:
        ValueError: ``max_bad`` is negative.
    """

    def __init__(self, max_bad: int) -> None:
        if max_bad < 0:
            raise ValueError(f"max_bad must be >= 0, got {max_bad}")
        self.max_bad = max_bad
        self._count = torch.zeros(1, dtype=torch.long).share_memory_()

    def __len__(self) -> int:
        return int(self._count)

    def add(self, name: str, reason: str) -> None:
        """Counts and reports one.

        Raises:
            ValueError: there are more than ``max_bad``.
        """
        self._count += 1
        log.warning("skipped %s: %s (%d of at most %d)", name, reason, len(self), self.max_bad)
        if len(self) > self.max_bad:
            raise ValueError(
                f"{len(self)} images or annotations cannot be used, the last is {name}: {reason}. Repair or remove "
                f"them, or let more be skipped: max_bad is {self.max_bad}"
            )


class ImageSet(Dataset, ABC):
    """Images, with or without boxes, each stretched to a square.

    Args:
        class_names: by label; empty where nothing is labeled.
        resolution: height and width of every image in pixels.
        provenance: the data access level that training on this set adds (``real images``, ``proxy images``, ...).
        max_bad: so many bad images and annotations are skipped.

    Raises:
        ValueError: ``resolution`` is below 1, ``max_bad`` negative, or the text of ``provenance`` unknown.
    """

    def __init__(self, class_names: Sequence[str], resolution: int, provenance: Provenance | str, max_bad: int) -> None:
        if resolution < 1:
            raise ValueError(f"resolution must be >= 1, got {resolution}")
        self.class_names, self.resolution = tuple(class_names), resolution
        self.provenance = Provenance.from_setting(provenance)
        self.faults = BadFileCounter(max_bad)

    @abstractmethod
    def __len__(self) -> int:
        """Number of images."""

    @abstractmethod
    def __getitem__(self, i: int) -> Example:
        """Image ``i``.

        Raises:
            BadImage: it cannot be used.
            ValueError: it cannot be used, and was one too many.
        """
