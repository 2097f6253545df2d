"""A stage of the synthesis: resolution, iterations, optimizer and learning rate."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import nn
from torch.optim import Optimizer

from diode_pl.detector import Detector
from diode_pl.detector.input_size import InputSize
from diode_pl.synthesis.growth import TargetGrowth
from diode_pl.training.optim import require_optimizer


@dataclass(frozen=True)
class Stage:
    """Optimization of a batch of images at one resolution.

    Args:
        resolution: side of the images in pixels; the teacher must support it.
        iterations: optimizer steps at ``budget`` 1, >= 1.
        optimizer: builds the optimizer from the images.
        initial_lr: factor of the optimizer's learning rate at the start, > 0.
        final_lr: factor at the end of the cosine decay, >= 0.
        loss_factors: factors of the losses' weights in this stage, by name, finite and >= 0; 1 if missing, 0 disables a
            loss.
        growth: grows the targets during this stage, if given.
        keep_images: whether the next stage starts from these images (resized) or from new noise with these targets.

    Raises:
        ValueError: if a number is out of range, or the optimizer cannot be built.

    Example:
        >>> from torch.optim import Adam
        >>> stage = Stage(160, 1000, Adam, initial_lr=1.0, final_lr=0.0)
        >>> stage.steps(budget=0.1), stage.lr_factor(0.5)
        (100, 0.5)
    """

    resolution: int
    iterations: int
    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer]
    initial_lr: float = 1.0
    final_lr: float = 0.0
    loss_factors: Mapping[str, float] = field(default_factory=dict)
    growth: TargetGrowth | None = None
    keep_images: bool = True

    def __post_init__(self) -> None:
        for name, value in (("resolution", self.resolution), ("iterations", self.iterations)):
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} must be an integer >= 1, got {value!r}")
        require_optimizer(self.optimizer)
        if not (0 < self.initial_lr < math.inf and 0 <= self.final_lr < math.inf):
            raise ValueError(f"initial_lr and final_lr must be > 0 and >= 0, got {self.initial_lr} and {self.final_lr}")
        if wrong := [name for name, factor in self.loss_factors.items() if not 0 <= factor < math.inf]:
            raise ValueError(f"loss_factors.{wrong[0]} must be finite and >= 0, got {self.loss_factors[wrong[0]]}")
        if self.growth is not None and self.growth.start > self.iterations:
            raise ValueError(
                f"growth.start: {self.growth.start} is after the last of {self.iterations} iterations, so no target "
                "would be added; budget scales both"
            )

    def check(self, name: str, teacher: Detector) -> None:
        """Raises a ValueError, which calls the stage ``name``, if the teacher does not support its resolution."""
        InputSize.from_detectors({"teacher": teacher}).check(f"{name}.resolution", self.resolution)

    def steps(self, budget: float) -> int:
        """Number of iterations at a ``budget``, at least 1."""
        return max(1, round(self.iterations * budget))

    def lr_factor(self, progress: float) -> float:
        """Factor of the learning rate at ``progress``, the completed share of the stage."""
        return self.final_lr + (self.initial_lr - self.final_lr) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def check_stages(stages: Sequence[Stage], teacher: Detector, budget: float) -> None:
    """Raises a ValueError if there are none, the teacher does not support one, or ``budget`` is no number > 0."""
    if not isinstance(budget, int | float) or budget <= 0:
        raise ValueError(f"budget must be a number > 0, got {budget!r}")
    if not stages:
        raise ValueError("stages must not be empty")
    for i, stage in enumerate(stages):
        stage.check(f"stages[{i}]", teacher)
