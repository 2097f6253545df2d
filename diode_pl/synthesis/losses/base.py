"""Base class of the synthesis losses, and their input."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from diode_pl.detector import BatchNormRecorder, Detector, Outputs
from diode_pl.provenance import Provenance
from diode_pl.targets import Targets


@dataclass(frozen=True)
class SynthesisState:
    """State of one synthesis step.

    Args:
        pixels: the optimized images, in [0, 1].
        images: the detector's input after augmentation; values may lie outside [0, 1].
        targets: boxes of ``images``.
        outputs: the detector's outputs on ``images``.
        detector: the frozen teacher.
        statistics: of the inputs of the norm layers that the losses request, in forward order.
        progress: completed share of the stage's iterations, in [0, 1).

    Example:
        >>> import torch
        >>> from diode_pl import load_detector
        >>> detector, images = load_detector().eval(), torch.rand(1, 3, 32, 32)
        >>> targets = Targets.from_images([(torch.tensor([[0.1, 0.1, 0.6, 0.6]]), torch.tensor([2]))])
        >>> recorder, outputs = BatchNormRecorder([]), detector(images)
        >>> state = SynthesisState(images, images, targets, outputs, detector, recorder, progress=0.0)
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
        weight: factor of the term in the sum, finite and >= 0.

    Raises:
        ValueError: if an argument is out of range, also in subclasses.

    Attributes:
        provenance: data that the loss uses besides the teacher; empty if none.
        norm_layers: number of leading norm layers of the teacher to record in the current stage.

    Example:
        >>> class Brightness(Loss):
        ...     def __call__(self, step: SynthesisState) -> Tensor:
        ...         return (step.images.mean() - 0.5).square()
        >>> loss = Brightness(weight=0.1)
    """

    provenance = Provenance()
    norm_layers: int = 0

    def __init__(self, weight: float = 1.0) -> None:
        if not (math.isfinite(weight) and weight >= 0):
            raise ValueError(f"{type(self).__name__}: weight must be finite and >= 0, got {weight}")
        self.weight = weight

    @abstractmethod
    def __call__(self, step: SynthesisState) -> Float[Tensor, ""]:
        """Computes the raw term, without its weight."""

    def prepare(self, detector: Detector, resolution: int) -> bool:
        """Called before the first step of a stage; returns whether the term can be computed with this teacher."""
        return True

    def state_dict(self) -> dict[str, Any]:
        """What the steps of a stage leave behind for the next ones, as plain data and tensors; empty if nothing."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state, after :meth:`prepare`."""
        if state:
            raise NotImplementedError(f"{type(self).__name__} has a state_dict and no load_state_dict")
