"""Data sets that are read once."""

import logging

import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from diode_pl.data.readers import BadImage, Example, ImageSet
from diode_pl.data.wrappers import NoneOnBadImage

log = logging.getLogger(__name__)


class InMemory(ImageSet):
    """Reads every image of a data set now, and keeps it in memory that worker processes share.

    Args:
        source: the data set.
        workers: processes that read.
        name: of the data set, for the progress bar.

    Raises:
        ValueError: too many images are bad.
    """

    def __init__(self, source: ImageSet, workers: int, name: str) -> None:
        super().__init__(source.class_names, source.resolution, source.provenance, source.faults.max_bad)
        self.faults = source.faults
        side = source.resolution
        log.info("reading %d %s into memory", len(source), name)  # the bar is for terminals alone
        # Workers that fork share it as it is. In /dev/shm, which is small in containers, it lies only if they do not.
        self._images = torch.empty(len(source), 3, side, side, dtype=torch.uint8)
        self._rest: list[Example | None] = []
        nothing = self._images.new_empty(3, 0, 0)
        # Far ahead: images take unlike times, and a worker that has to wait for its turn stands idle.
        ahead = 16 if workers else None
        loader = DataLoader(NoneOnBadImage(source), batch_size=None, num_workers=workers, prefetch_factor=ahead)
        for i, example in enumerate(tqdm(loader, desc=f"reading {name}", unit="images", disable=None, leave=False)):
            if example is None:
                self._rest.append(None)
                continue
            self._images[i] = example.image
            # Copies: what a worker sends lies in shared memory, one open file for each tensor.
            boxes, labels = example.boxes.clone(), example.labels.clone()
            self._rest.append(Example(nothing, boxes, labels, example.size, example.name))

    def __len__(self) -> int:
        return len(self._rest)

    def __getitem__(self, i: int) -> Example:
        rest = self._rest[i]
        if rest is None:
            raise BadImage(f"image {i} could not be read")
        return Example(self._images[i], rest.boxes, rest.labels, rest.size, rest.name)
