"""What every training reads its images by."""

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset

from diode_pl.data.cache import InMemory
from diode_pl.data.epoch_sampler import EpochLoader, EpochSampler
from diode_pl.data.readers import ImageSet


class BaseDataModule(pl.LightningDataModule):
    """Batches whose draws follow from seed and epoch, shared out among processes, from images in memory if they fit.

    Args:
        batch_size: items of one optimizer step, all processes together.
        workers: processes that load, for each training process.
        cache_gib: images are read once if a copy for each training process fits into so much memory.
        seed: of all draws.
    """

    def __init__(self, batch_size: int, workers: int, cache_gib: float, seed: int) -> None:
        super().__init__()
        self.batch_size, self.workers, self.cache_gib, self.seed = batch_size, workers, cache_gib, seed

    @property
    def _place(self) -> tuple[int, int]:
        """Number of this process, and how many there are."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def _cached(self, source: ImageSet, name: str) -> ImageSet:
        _, world_size = self._place
        size = len(source) * 3 * source.resolution**2 * world_size
        if isinstance(source, InMemory) or size > self.cache_gib * 2**30:
            return source
        return InMemory(source, self.workers, name)

    def _epochs_of(self, items: Dataset, steps: int | None, join: Callable[[Any], Any]) -> DataLoader:
        """Batches of one epoch after the other; this process's part of each."""
        sampler = EpochSampler(len(items), self.batch_size, steps, self.seed, *self._place)  # type: ignore[arg-type]
        return EpochLoader(
            items,
            batch_sampler=sampler,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            pin_memory=torch.cuda.is_available(),
            collate_fn=join,
        )
