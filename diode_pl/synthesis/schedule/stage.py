"""One leg of the way from noise to image."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from torch import nn
from torch.optim import Optimizer

from diode_pl.detector import Detector
from diode_pl.detector.input_size import InputSize
from diode_pl.synthesis.growth import TargetGrowth


@dataclass(frozen=True)
class Stage:
    """How a batch of images is optimized at one resolution.

    Args:
        resolution: side of the images in pixels, as the teacher takes them.
        iterations: optimizer steps at ``budget`` 1.
        optimizer: makes the optimizer from the images.
        initial_lr: share of the optimizer's learning rate that the stage begins with.
        final_lr: and the share that it ends with, reached by a cosine.
        loss_factors: factors of the losses' weights in this stage, 1 where nothing is said; 0 switches a loss off.
        growth: if given, the targets grow during this stage.
        keep_images: whether the next stage starts from these images (enlarged) or from new noise with these targets.

    Raises:
        ValueError: a number is out of range.
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
        if self.initial_lr <= 0 or self.final_lr < 0:
            raise ValueError(f"initial_lr and final_lr must be > 0 and >= 0, got {self.initial_lr} and {self.final_lr}")
        if self.growth is not None and self.growth.start > self.iterations:
            raise ValueError(
                f"growth.start: {self.growth.start} is after the last of {self.iterations} iterations, so that no "
                "target would be added; a smaller budget shortens both alike"
            )

    def check(self, name: str, teacher: Detector) -> None:
        """Checks that the teacher takes images of the stage's resolution.

        Args:
            name: of the stage, for the error.
            teacher: the detector.

        Raises:
            ValueError: it does not.
        """
        InputSize.from_detectors({"teacher": teacher}).check(f"{name}.resolution", self.resolution)

    def steps(self, budget: float) -> int:
        """Iterations at a ``budget``, at least one."""
        return max(1, round(self.iterations * budget))

    def lr_factor(self, progress: float) -> float:
        """Factor of the learning rate once the share ``progress`` of the stage is done."""
        return self.final_lr + (self.initial_lr - self.final_lr) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
