"""Order of the training images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler


@dataclass(frozen=True)
class SampleKey:
    """Determines a training image and all its random choices."""

    index: int  # of the image in the data set
    seed: int  # of the images that are joined to it, and of its augmentations
    step_seed: int = 0  # of the draws that all images of a step share, in all processes


class EpochSampler(Sampler):
    """Whole batches of shuffled images that depend on seed and epoch only, for any number of processes.

    It has no state between epochs, so that a resumed run sees the same batches.

    Args:
        images: number of images.
        batch_size: over all processes, a multiple of ``world_size``.
        steps: optimizer steps per epoch; None for ``images // batch_size``, at least one.
        seed: of the run.
        rank, world_size: of this process; each process takes an equal part of every batch.
        parts: indices and weight of each set of a union, whose images are drawn in proportion to the weights; None
            draws every image equally often.

    Raises:
        ValueError: if there are no images or ``batch_size`` is not a multiple of ``world_size``.
    """

    def __init__(
        self,
        images: int,
        batch_size: int,
        steps: int | None,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        parts: Sequence[tuple[Sequence[int], float]] | None = None,
    ) -> None:
        if images < 1 or batch_size < 1 or (steps is not None and steps < 1):
            raise ValueError(f"images, batch_size and steps must be >= 1, got {images}, {batch_size} and {steps}")
        if batch_size % world_size:
            raise ValueError(f"batch_size={batch_size} must be a multiple of the number of processes, {world_size}")
        self.images, self.batch_size, self.seed, self.epoch = images, batch_size, seed, 0
        self.steps, self.rank, self.world_size = steps or max(1, images // batch_size), rank, world_size
        self.parts = parts

    @property
    def sampler(self) -> "EpochSampler":
        """Itself: Lightning calls ``set_epoch`` of a batch sampler's sampler, not of the batch sampler."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this at the start of every epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[list[SampleKey]]:
        entropy = np.random.SeedSequence((self.seed, self.epoch)).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(entropy[0]))
        needed = self.steps * self.batch_size
        order = self._order(needed, generator).tolist()
        seeds = torch.randint(2**62, (needed,), generator=generator).tolist()
        step_seeds = torch.randint(2**62, (self.steps,), generator=generator).tolist()
        for step in range(self.steps):
            own = range(step * self.batch_size + self.rank, (step + 1) * self.batch_size, self.world_size)
            yield [SampleKey(order[i], seeds[i], step_seeds[step]) for i in own]

    def _order(self, needed: int, generator: torch.Generator) -> Tensor:
        if self.parts is None:
            return _shuffle(self.images, needed, generator)
        ends = np.cumsum([weight for _, weight in self.parts])
        counts = np.diff(np.rint(ends / ends[-1] * needed), prepend=0).astype(int).tolist()
        drawn = [
            torch.as_tensor(indices)[_shuffle(len(indices), count, generator)]
            for (indices, _), count in zip(self.parts, counts, strict=True)
        ]
        return torch.cat(drawn)[torch.randperm(needed, generator=generator)]


def _shuffle(images: int, needed: int, generator: torch.Generator) -> Tensor:
    """Indices of ``needed`` images, every one once before any is repeated."""
    rounds = [torch.randperm(images, generator=generator) for _ in range(-(-needed // images))]
    return torch.cat([torch.zeros(0, dtype=torch.long), *rounds])[:needed]


class EpochLoader(DataLoader):
    """Draws nothing before the first batch of an epoch: when resuming, Lightning creates an iterator before it sets the
    epoch, and workers would start with the wrong one.
    """

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        yield from super().__iter__()
