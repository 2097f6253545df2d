"""Opening a data set: images are read once to find bad ones, and cached if they fit."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from diode_pl.data.readers import Annotation, BadImage, Example, ImageSet
from diode_pl.data.readers.base import Part

log = logging.getLogger(__name__)


def read_usable(source: ImageSet, workers: int, name: str) -> Iterator[tuple[int, Example]]:
    """Reads every image, yields the usable ones with their indices, and counts the others.

    Args:
        source: the data set.
        workers: number of reading processes.
        name: of the data set, for messages and the progress bar.

    Raises:
        ValueError: if too many images are bad, or all of them.
    """
    # Far ahead: reading times differ, and a worker that waits for its turn is idle.
    ahead, usable = 16 if workers else None, 0
    loader = DataLoader(_BadImageAsItem(source), batch_size=None, num_workers=workers, prefetch_factor=ahead)
    for i, item in enumerate(tqdm(loader, desc=f"reading {name}", unit="images", disable=None, leave=False)):
        if isinstance(item, BadImage):
            source.bad_files.add(*item.args)  # here, not in a worker, which could not count for the others
        else:
            usable += 1
            yield i, item
    if len(source) and not usable:
        raise ValueError(f"none of the {len(source)} {name} can be used{source.bad_files.last}")


def find_usable(source: ImageSet, workers: int, name: str) -> list[int]:
    """Indices of the usable images; see :func:`read_usable`."""
    log.info("checking %d %s, which cache_gib keeps out of memory", len(source), name)
    return [i for i, _ in read_usable(source, workers, name)]


class _BadImageAsItem(Dataset):
    """A data set that returns the exception of a bad image instead of raising it."""

    def __init__(self, source: ImageSet) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, i: int) -> Example | BadImage:
        try:
            return self.source[i]
        except BadImage as error:
            return error


class ImageSubset(ImageSet):
    """The images of a data set with the given indices, read on access."""

    def __init__(self, source: ImageSet, indices: Sequence[int]) -> None:
        super().__init__(source.class_names, source.resolution, source.provenance, source.bad_files.max_bad)
        self.source, self.bad_files = source, source.bad_files
        self.indices = torch.tensor(indices, dtype=torch.long)  # workers that fork would copy a list

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, i: int) -> Example:
        return self.source[int(self.indices[i])]

    def annotation(self, i: int) -> Annotation:
        return self.source.annotation(int(self.indices[i]))

    def part(self, i: int) -> Part:
        return self.source.part(int(self.indices[i]))


class InMemory(ImageSet):
    """The usable images of a data set, read at once into memory that worker processes share; see :func:`read_usable`.

    Attributes:
        indices: of the images in ``source``.
    """

    def __init__(self, source: ImageSet, workers: int, name: str) -> None:
        super().__init__(source.class_names, source.resolution, source.provenance, source.bad_files.max_bad)
        self.source, self.bad_files, side = source, source.bad_files, source.resolution
        log.info("reading %d %s into memory", len(source), name)  # the bar is for terminals alone
        # Workers that fork share it as it is. In /dev/shm, which is small in containers, it lies only if they do not.
        self._images = torch.empty(len(source), 3, side, side, dtype=torch.uint8)
        self._rest: list[Example] = []
        self.indices: list[int] = []
        nothing = self._images.new_empty(3, 0, 0)
        for i, example in read_usable(source, workers, name):
            self._images[len(self.indices)] = example.image
            self.indices.append(i)
            # Copies: what a worker sends lies in shared memory, one open file for each tensor.
            boxes, labels = example.boxes.clone(), example.labels.clone()
            areas = None if example.areas is None else example.areas.clone()
            ignored = None if example.ignored is None else example.ignored.select(slice(None))
            self._rest.append(replace(example, boxes=boxes, labels=labels, image=nothing, areas=areas, ignored=ignored))

    def __len__(self) -> int:
        return len(self._rest)

    def __getitem__(self, i: int) -> Example:
        return replace(self._rest[i], image=self._images[i])

    def annotation(self, i: int) -> Annotation:
        return self._rest[i]

    def part(self, i: int) -> Part:
        return self.source.part(self.indices[i])
