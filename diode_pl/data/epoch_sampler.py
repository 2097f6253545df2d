"""In which order a training run sees its images."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler


@dataclass(frozen=True)
class SampleKey:
    """One training image to be made: all its random choices follow from these numbers.

    Args:
        index: of the image in the data set.
        seed: of what it is made of and of its augmentations.
        step_seed: of what all images of an optimizer step share, in all processes.
    """

    index: int
    seed: int
    step_seed: int = 0


class EpochSampler(Sampler):
    """Whole batches over shuffled images, the same for the same seed and epoch, however many processes share them.

    Nothing is remembered between epochs: a run that is resumed at epoch 7 sees what it would have seen.

    Args:
        images: in the data set.
        batch_size: of one optimizer step, all processes together.
        steps: optimizer steps an epoch; None: as many whole batches as there are images for, at least one.
        seed: of the run.
        rank: of this process.
        world_size: number of processes; each takes an equal part of every batch.

    Raises:
        ValueError: if there are no images or ``batch_size`` is not a multiple of ``world_size``.
    """

    def __init__(
        self, images: int, batch_size: int, steps: int | None, seed: int, rank: int = 0, world_size: int = 1
    ) -> None:
        if images < 1 or batch_size < 1 or (steps is not None and steps < 1):
            raise ValueError(f"images, batch_size and steps must be >= 1, got {images}, {batch_size} and {steps}")
        if batch_size % world_size:
            raise ValueError(
                f"batch_size={batch_size} is shared by all processes and must be a multiple of them, {world_size}"
            )
        self.images, self.batch_size, self.seed = images, batch_size, seed
        self.steps = steps or max(1, images // batch_size)
        self.rank, self.world_size = rank, world_size
        self.epoch = 0

    @property
    def sampler(self) -> "EpochSampler":
        """Itself: Lightning tells the epoch to what a batch sampler draws from, not to the batch sampler."""
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
        # Every image once before any image again.
        rounds = [torch.randperm(self.images, generator=generator) for _ in range(-(-needed // self.images))]
        order = torch.cat(rounds)[:needed].tolist()
        seeds = torch.randint(2**62, (needed,), generator=generator).tolist()
        step_seeds = torch.randint(2**62, (self.steps,), generator=generator).tolist()
        for step in range(self.steps):
            own = range(step * self.batch_size + self.rank, (step + 1) * self.batch_size, self.world_size)
            yield [SampleKey(order[i], seeds[i], step_seeds[step]) for i in own]


class EpochLoader(DataLoader):
    """Draws nothing before the first batch of an epoch is asked for.

    Lightning, when it resumes, asks for an iterator before it knows the epoch; workers would begin with the wrong one.
    """

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        yield from super().__iter__()
