"""Base data module: deterministic epochs, sharded across ranks, images cached in memory if they fit."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset

from diode_pl.data.cache import ImageSubset, InMemory, find_usable
from diode_pl.data.epoch_sampler import EpochLoader, EpochSampler
from diode_pl.data.readers import ImageSet

_T = TypeVar("_T")


class BaseDataModule(pl.LightningDataModule):
    """Batches that depend on seed and epoch only; each rank gets its part.

    Args:
        batch_size: items per optimizer step over all ranks, >= 1.
        workers: loader processes per rank, >= 0.
        cache_gib: data sets are kept in memory if one copy per rank fits into this many GiB, >= 0.
        seed: of all draws, >= 0.
        steps_per_epoch: optimizer steps, >= 1; None for as many as there are images.

    Raises:
        ValueError: if a number is out of range.

    Example:
        >>> from torch.utils.data import TensorDataset
        >>> class Numbers(BaseDataModule):
        ...     def train_dataloader(self):
        ...         return self._epoch_loader(TensorDataset(torch.arange(10)), steps=None, collate=list)
        >>> loader = Numbers(batch_size=5, workers=0, cache_gib=0.0, seed=0).train_dataloader()
    """

    def __init__(
        self, batch_size: int, workers: int, cache_gib: float, seed: int, steps_per_epoch: int | None = None
    ) -> None:
        super().__init__()
        if batch_size < 1 or min(workers, cache_gib, seed) < 0:
            raise ValueError(
                "batch_size, workers, cache_gib and seed must be >= 1, 0, 0 and 0, got "
                f"{batch_size}, {workers}, {cache_gib} and {seed}"
            )
        if steps_per_epoch is not None and steps_per_epoch < 1:
            raise ValueError(f"steps_per_epoch must be >= 1 or None for as many as there are, got {steps_per_epoch}")
        self.batch_size, self.workers, self.cache_gib, self.seed = batch_size, workers, cache_gib, seed
        self.steps_per_epoch = steps_per_epoch
        self._opened: dict[str, ImageSet] = {}

    @property
    def _rank_and_world_size(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def _open(self, source: ImageSet, name: str) -> ImageSet:
        """Leaves out bad images and caches the others if all fit; every rank gets the same images.

        Raises:
            ValueError: if too many images are bad, or this rank cannot read the images of the first one.
        """
        if name in self._opened:
            return self._opened[name]
        _, world_size = self._rank_and_world_size
        if len(source) * 3 * source.resolution**2 * world_size <= self.cache_gib * 2**30:
            images: ImageSet = (cached := InMemory(source, self.workers, name))
            if self._compute_on_first_rank(lambda: cached.indices) != cached.indices:
                raise ValueError(
                    f"{name}: this process cannot read the same images as the first one; is a disk unreliable?"
                )
        elif source.computed:
            images = source
        else:
            usable = self._compute_on_first_rank(lambda: find_usable(source, self.workers, name))
            images = ImageSubset(source, usable)
        self._opened[name] = images
        return images

    def _compute_on_first_rank(self, compute: Callable[[], _T]) -> _T:
        """Result of the first rank, for all: theirs could differ by a rounding error or a failing disk."""
        rank, world_size = self._rank_and_world_size
        result: Any = compute() if rank == 0 else None
        return self.trainer.strategy.broadcast(result) if world_size > 1 else result  # type: ignore[union-attr]

    def _epoch_loader(
        self,
        items: Dataset,
        steps: int | None,
        collate: Callable[[Any], Any],
        parts: Sequence[tuple[Sequence[int], float]] | None = None,
    ) -> DataLoader:
        """This rank's part of each batch."""
        rank, size = self._rank_and_world_size
        sampler = EpochSampler(len(items), self.batch_size, steps, self.seed, rank, size, parts)  # type: ignore[arg-type]
        return EpochLoader(
            items,
            batch_sampler=sampler,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            pin_memory=torch.cuda.is_available(),
            collate_fn=collate,
        )
