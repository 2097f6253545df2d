"""What every synthesis loss offers, and what it sees."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from diode_pl.detector import BatchNormRecorder, Detector, Outputs
from diode_pl.provenance import Provenance
from diode_pl.targets import Targets


@dataclass(frozen=True)
class SynthesisState:
    """All that one step of the synthesis holds.

    Args:
        pixels: the images that are optimized, in [0, 1].
        images: what the detector saw: augmented, values may lie outside [0, 1].
        targets: the boxes that belong to ``images``.
        outputs: the detector's answer.
        detector: the frozen teacher.
        statistics: of the inputs of the norm layers that the losses asked for, in forward order.
        progress: share of the stage's iterations done, in [0, 1).
    """

    pixels: Float[Tensor, "n 3 h w"]
    images: Float[Tensor, "n 3 h w"]
    targets: Targets
    outputs: Outputs
    detector: Detector
    statistics: BatchNormRecorder
    progress: float


class Loss(ABC):
    """One term of the synthesis objective.

    Args:
        weight: factor of the term in the sum.

    Raises:
        ValueError: ``weight`` is negative.

    Attributes:
        provenance: what a result has seen because of it; empty for nothing.
        norm_layers: number of leading norm layers of the teacher that must be recorded for it in the current stage.
    """

    provenance = Provenance()
    norm_layers: int = 0

    def __init__(self, weight: float) -> None:
        if weight < 0:
            raise ValueError(f"{type(self).__name__}: weight must be >= 0, got {weight}")
        self.weight = weight

    @abstractmethod
    def __call__(self, step: SynthesisState) -> Float[Tensor, ""]:
        """The raw term, before its weight."""

    def prepare(self, detector: Detector, resolution: int) -> bool:
        """Called before the first step of a stage.

        Args:
            detector: the frozen teacher.
            resolution: side of the stage's images in pixels.

        Returns:
            Whether the term can be computed with this teacher.
        """
        return True
