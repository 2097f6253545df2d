"""Base classes of the data set readers."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from diode_pl.data.readers.notebook import show_set
from diode_pl.detector import Detector
from diode_pl.io.annotation import Annotation
from diode_pl.io.quoting import shorten
from diode_pl.provenance import Provenance

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Example(Annotation):
    """An image and its annotation.

    Args:
        size: height and width in pixels of the original image, turned upright (EXIF).
        image: RGB, 0 to 255, stretched to a square.

    Example:
        >>> from pathlib import Path
        >>> image, box = torch.zeros(3, 8, 8, dtype=torch.uint8), torch.tensor([[0.25, 0.25, 0.75, 0.75]])
        >>> example = Example(Path("a.png"), box, torch.tensor([0]), size=(480, 640), image=image)
    """

    size: tuple[int, int]
    image: UInt8[Tensor, "3 r r"]


class Part(NamedTuple):
    """The set of a union that an image is from.

    Args:
        name: of the set; empty outside of unions.
        weight: share of the training images that are from it, relative to those of the others.
        labeled: whether its boxes are labels.
    """

    name: str
    weight: float
    labeled: bool


class BadImage(ValueError):
    """Raised for an image ``name`` that cannot be used, for a ``reason``."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)

    def __str__(self) -> str:
        return str(self.args[1])


class BadFileCounter:
    """Counts and logs unusable images and annotations; more than ``max_bad``, a number >= 0, are an error.

    Every process that opens a data set finds the same ones. Each writes its own count to shared memory instead of
    incrementing the shared one: concurrent processes neither lose a file nor count it twice, and their parent sees it.

    Args:
        counted: number that was counted before.

    Attributes:
        last: the last one that this process counted, and why; empty if there is none.

    Raises:
        ValueError: if ``max_bad`` is negative.
    """

    def __init__(self, max_bad: int, counted: int = 0) -> None:
        if max_bad < 0:
            raise ValueError(f"max_bad must be >= 0, got {max_bad}")
        self.max_bad, self._counted_here, self.last = max_bad, counted, ""
        self._count = torch.tensor([counted]).share_memory_()

    def __len__(self) -> int:
        return int(self._count)

    def add(self, name: str, reason: str) -> None:
        """Counts and logs one.

        Raises:
            ValueError: if there are more than ``max_bad``.
        """
        name, reason = shorten(name), shorten(reason)
        self._counted_here += 1
        self.last = f"; the last of {self._counted_here} that cannot be used is {name}: {reason}"
        self._count.fill_(self._counted_here)
        log.warning("skipped %s: %s (%d of at most %d)", name, reason, self._counted_here, self.max_bad)
        if self._counted_here > self.max_bad:
            raise ValueError(
                f"{self._counted_here} images or annotations cannot be used, the last is {name}: {reason}. Repair or "
                f"remove them, or let more be skipped: max_bad is {self.max_bad}"
            )


class ImageSet(Dataset, ABC):
    """Base class of data sets: images, with or without boxes, each stretched to a square.

    Args:
        class_names: by label; empty for unlabeled images.
        resolution: height and width of every image in pixels, >= 1.
        provenance: data access level that training on this set adds (``real images``, ``proxy images``, ...).
        max_bad: maximum number of bad images and annotations that are skipped, >= 0.

    Attributes:
        computed: True if images are not read from files, so that none can be bad.

    Raises:
        ValueError: if a number is out of range or ``provenance`` is unknown.

    Example:
        >>> from pathlib import Path
        >>> class Gray(ImageSet):
        ...     def __len__(self):
        ...         return 10
        ...     def __getitem__(self, i):
        ...         image = torch.full((3, 8, 8), i, dtype=torch.uint8)
        ...         return Example(Path("gray"), torch.zeros(0, 4), torch.zeros(0).long(), (8, 8), image)
        >>> Gray((), resolution=8, provenance="noise", max_bad=0)[3].image.unique()
        tensor([3], dtype=torch.uint8)
    """

    computed = False

    def require_teacher(self, teacher: Detector) -> None:
        """Checks that a teacher suits images that were made from one; photographs suit every teacher.

        Raises:
            ValueError: if the images were made from other weights.
        """

    def part(self, i: int) -> Part:
        """The set that image ``i`` is from."""
        return Part("", 1.0, bool(self.class_names))

    def files(self) -> set[Path]:
        """Paths of the image files."""
        return set()

    def unlabeled(self) -> list[str]:
        """Names of the sets of a union that have no labels."""
        return []

    def provenance_with_labels(self, read: bool) -> Provenance:
        """Provenance of the images and, if they are ``read``, of their labels."""
        return self.provenance.with_labels(read)

    def __init__(self, class_names: Sequence[str], resolution: int, provenance: Provenance | str, max_bad: int) -> None:
        if resolution < 1:
            raise ValueError(f"resolution must be >= 1, got {resolution}")
        self.class_names, self.resolution = tuple(class_names), resolution
        self.provenance = Provenance.from_setting(provenance)
        self.bad_files = BadFileCounter(max_bad)

    def _repr_html_(self) -> str:
        return show_set(self)

    @abstractmethod
    def __len__(self) -> int:
        """Number of images."""

    @abstractmethod
    def __getitem__(self, i: int) -> Example:
        """Image ``i``.

        Raises:
            BadImage: if it cannot be used.
        """

    def box_sizes(self) -> Float[Tensor, "n 2"]:
        """Width and height of every box, in pixels of the square images."""
        sizes = [torch.zeros(0, 2)]
        for i in range(len(self)):
            with suppress(BadImage):
                boxes = self.annotation(i).boxes
                sizes.append((boxes[:, 2:] - boxes[:, :2]).float())
        return torch.cat(sizes) * self.resolution

    def annotation(self, i: int) -> Annotation:
        """Annotation of image ``i``; subclasses need not read the image.

        Raises:
            BadImage: if the image had to be read and cannot be used.
        """
        return self[i]
