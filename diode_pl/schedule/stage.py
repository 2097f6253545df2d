"""One leg of the way from noise to image."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from torch import nn
from torch.optim import Optimizer

from diode_pl.sampler import FalsePositives


@dataclass(frozen=True)
class Stage:
    """How a batch of images is optimised at one resolution.

    Args:
        resolution: side of the images in pixels, a multiple of the teacher's stride.
        iterations: optimiser steps at ``budget`` 1.
        optimizer: makes the optimiser from the images.
        final_lr: the learning rate falls by a cosine to this share of its start.
        loss_weights: weights that differ from the losses' own in this stage.
        growth: if given, the targets grow during this stage.
        keep_images: whether the next stage starts from these images (enlarged) or from new noise with these targets.

    Raises:
        ValueError: a number is out of range.
    """

    resolution: int
    iterations: int
    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer]
    final_lr: float = 0.0
    loss_weights: Mapping[str, float] = field(default_factory=dict)
    growth: FalsePositives | None = None
    keep_images: bool = True

    def __post_init__(self) -> None:
        if self.resolution < 1 or self.iterations < 1 or not 0 <= self.final_lr <= 1:
            raise ValueError(
                f"stage: need resolution >= 1, iterations >= 1 and 0 <= final_lr <= 1, "
                f"got {self.resolution}, {self.iterations} and {self.final_lr}"
            )
        if self.growth is not None and self.growth.start > self.iterations:
            raise ValueError(
                f"stage: growth.start ({self.growth.start}) is after the last of {self.iterations} iterations, so no "
                "target would ever be added; use `budget` to shorten both alike, or set growth.start as well"
            )

    def steps(self, budget: float) -> int:
        """Iterations at a ``budget``, at least one."""
        return max(1, round(self.iterations * budget))

    def weights(self, own: Mapping[str, float]) -> dict[str, float]:
        """The weight of each loss in this stage, from the losses' ``own``."""
        return {name: self.loss_weights.get(name, weight) for name, weight in own.items()}

    def lr_factor(self, progress: float) -> float:
        """Factor of the learning rate once the share ``progress`` of the stage is done."""
        return self.final_lr + (1 - self.final_lr) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
