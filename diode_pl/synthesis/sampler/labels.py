"""Objects as another data set has them."""

import logging
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Generator, Tensor

from diode_pl.class_names import match_classes
from diode_pl.io.coco import read_coco
from diode_pl.provenance import REAL_LABELS
from diode_pl.synthesis.sampler.base import Sampler
from diode_pl.targets import Targets

log = logging.getLogger(__name__)


class Labels(Sampler):
    """The boxes of a COCO annotation file, one of its images after the other, from the start again at its end.

    Categories are matched to the teacher's classes by name; crowd boxes are left out, as are images without a box.

    Args:
        path: COCO JSON with ``images``, ``categories`` and ``annotations``.

    Raises:
        ValueError: the file is no such JSON.

    Source: Chawla et al., WACV 2021, table 3 (upper bound with real labels).
    """

    provenance = REAL_LABELS

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self._images, self._names = read_coco(path)
        self._filtered: tuple[dict[str, int], list[tuple[Tensor, Tensor]]] | None = None

    def sample(self, first: int, count: int, classes: Mapping[str, int], generator: Generator) -> Targets:
        """Takes the boxes of the file's images ``first`` to ``first + count - 1``.

        Raises:
            ValueError: no box has a class that the teacher has learned.
        """
        usable = self._usable(dict(classes))
        return Targets.from_images([usable[(first + i) % len(usable)] for i in range(count)])

    def _usable(self, classes: dict[str, int]) -> list[tuple[Tensor, Tensor]]:
        if self._filtered is not None and self._filtered[0] == classes:
            return self._filtered[1]
        own = list(classes.values())
        table = torch.tensor([own[i] if i >= 0 else -1 for i in match_classes(self._names, list(classes))])
        unknown = [name for name, label in zip(self._names, table.tolist(), strict=True) if label < 0]
        known = [(image, table[image.labels]) for image in self._images]
        usable = [(image.boxes[labels >= 0], labels[labels >= 0]) for image, labels in known if (labels >= 0).any()]
        if not usable:
            raise ValueError(
                f"{type(self).__name__}: path: the teacher has learned no category of {self.path}: {self._names}"
            )
        if unknown:
            log.warning("the teacher has not learned %s: their boxes are left out", ", ".join(unknown))
        self._filtered = classes, usable
        return usable
