"""Several data sets as one."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import TypeVar

import torch

from diode_pl.class_names import match_classes
from diode_pl.data.readers.base import BadFileCounter, Example, ImageSet, Part
from diode_pl.detector import Detector
from diode_pl.io.annotation import Annotation
from diode_pl.provenance import Provenance

_Found = TypeVar("_Found", bound=Annotation)


class WeightedUnion(ImageSet):
    """The images of several sets; the weights say how often those of each are trained on.

    In every epoch, however long, the share of the images that are from a set is its weight over the sum of the weights.
    An epoch without a given length has as many images as all sets together.

    Args:
        sets: by name, of equal resolution; None leaves one out. Their classes are matched by name, in the order of the
            first set that has each.
        weights: of the sets by name, above 0; a set without one has weight 1.
        split: ignored; each set names its own.

    Raises:
        ValueError: if there is no set, resolutions differ, or a weight is that of no set or out of range.

    Example:
        >>> from diode_pl.data.readers import UniformNoise
        >>> sets = {"few": UniformNoise(size=10, resolution=64), "many": UniformNoise(size=90, resolution=64, seed=1)}
        >>> union = WeightedUnion(sets, weights={"few": 3.0})
        >>> len(union), union.part(9), union.part(10).name
        (100, Part(name='few', weight=3.0, labeled=False), 'many')
    """

    def __init__(
        self,
        sets: Mapping[str, ImageSet | None],
        weights: Mapping[str, float] | None = None,
        split: str | None = None,
    ) -> None:
        given = dict(weights or {})
        if unknown := sorted(given.keys() - sets.keys()):
            raise ValueError(f"weights: {', '.join(unknown)} names none of the sets {', '.join(sets)}")
        self.sets = {name: each for name, each in sets.items() if each is not None}
        if not self.sets:
            raise ValueError("sets: expected at least one, got none")
        if bad := {name: weight for name, weight in given.items() if not 0 < weight < float("inf")}:
            raise ValueError(f"weights must be above 0, got {bad}; a set of None is left out")
        sides = {name: each.resolution for name, each in self.sets.items()}
        if len({*sides.values()}) > 1:
            raise ValueError(f"sets: their resolutions must be equal, got {sides}")
        provenance, class_names = Provenance(), list[str]()
        for each in self.sets.values():
            provenance |= each.provenance
            new = match_classes(each.class_names, class_names)
            class_names += [name for name, label in zip(each.class_names, new, strict=True) if label < 0]
        super().__init__(class_names, min(sides.values()), provenance, 0)
        counters = [each.bad_files for each in self.sets.values()]
        self.bad_files = BadFileCounter(sum(each.max_bad for each in counters), sum(map(len, counters)))
        self.computed = all(each.computed for each in self.sets.values())
        self._members = list(self.sets.values())
        self._ends = torch.tensor(list(accumulate(len(each) for each in self._members)))
        self._labels = [torch.tensor(match_classes(each.class_names, class_names)).long() for each in self._members]
        self._parts = [
            Part(name, float(given.get(name, 1.0)), bool(each.class_names)) for name, each in self.sets.items()
        ]

    def _find(self, i: int) -> tuple[int, int]:
        """Number of the set of image ``i``, and the image's index there."""
        if not 0 <= i < len(self):
            raise IndexError(f"image {i} of {len(self)}")
        number = int(torch.searchsorted(self._ends, i, right=True))
        return number, i - int(self._ends[number]) + len(self._members[number])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, i: int) -> Example:
        number, at = self._find(i)
        return self._relabel(number, self._members[number][at])

    def annotation(self, i: int) -> Annotation:
        number, at = self._find(i)
        return self._relabel(number, self._members[number].annotation(at))

    def _relabel(self, number: int, found: _Found) -> _Found:
        if not len(self._labels[number]):
            return found
        ignored = None if found.ignored is None else found.ignored.relabel(self._labels[number])
        return replace(found, labels=self._labels[number][found.labels], ignored=ignored)

    def part(self, i: int) -> Part:
        return self._parts[self._find(i)[0]]

    def files(self) -> set[Path]:
        return set().union(*(each.files() for each in self._members))

    def unlabeled(self) -> list[str]:
        return [part.name for part in self._parts if not part.labeled]

    def provenance_with_labels(self, read: bool) -> Provenance:
        # Set by set: that a teacher made some of the images says nothing of the labels of the others.
        joined = self.provenance
        for each in self._members:
            joined |= each.provenance_with_labels(read and bool(each.class_names))
        return joined

    def require_teacher(self, teacher: Detector) -> None:
        for each in self._members:
            each.require_teacher(teacher)
