"""The interface of distillation losses, and their input."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from diode_pl.detector import Detector, Outputs
from diode_pl.provenance import Provenance
from diode_pl.targets import Targets


@dataclass(frozen=True)
class DistillationBatch:
    """Outputs of teacher and student on one batch.

    Args:
        images: input of both detectors, RGB in [0, 1].
        student: the detector that is trained.
        teacher: the frozen detector; None in training on labels alone.
        student_outputs: outputs of the student, with gradient.
        teacher_outputs: outputs of the teacher on the same images; None without a teacher.
        targets: labeled boxes in the student's class numbering; empty for unlabeled images.
        student_norm_inputs: inputs of each of the student's norm layers, one per call, with gradient; empty if no loss
            reads them.
        teacher_norm_inputs: likewise the teacher's.

    Example:
        >>> import torch
        >>> from diode_pl import load_detector
        >>> images, detector = torch.zeros(2, 3, 64, 64), load_detector(width=0.1).eval()
        >>> outputs = detector(images)
        >>> batch = DistillationBatch(images, detector, detector, outputs, outputs, Targets.from_images([]))
        >>> len(batch.teacher_detections(confidence=0.9))
        0
    """

    images: Float[Tensor, "n 3 h w"]
    student: Detector
    teacher: Detector | None
    student_outputs: Outputs
    teacher_outputs: Outputs | None
    targets: Targets
    student_norm_inputs: Sequence[Sequence[Float[Tensor, "_ _ _ _"]]] = ()
    teacher_norm_inputs: Sequence[Sequence[Float[Tensor, "_ _ _ _"]]] = ()

    def teacher_or_raise(self) -> tuple[Detector, Outputs]:
        """Returns the teacher and its outputs; raises a ValueError if there is none."""
        if self.teacher is None or self.teacher_outputs is None:
            raise ValueError("expected a teacher and its outputs, got none")
        return self.teacher, self.teacher_outputs

    def teacher_detections(self, confidence: float) -> Targets:
        """Returns the teacher's detections in the student's class numbering, without classes the student lacks.

        Args:
            confidence: detections at or below it are dropped, in [0, 1].
        """
        teacher, outputs = self.teacher_or_raise()
        detections = teacher.predict_as(self.student.class_names, outputs, confidence=confidence)
        return Targets.from_images([(image.boxes, image.labels) for image in detections], self.targets.boxes.device)


class DistillLoss(nn.Module, ABC):
    """One term of the student's objective; a module, as it may have trainable layers.

    Args:
        weight: factor of the loss in the sum, finite and >= 0.

    Raises:
        ValueError: if an argument is out of range, also in subclasses.

    Attributes:
        needs_teacher: whether it reads the teacher and its outputs.
        needs_labels: whether it reads the targets.
        needs_norm_inputs: whether it reads the inputs of norm layers.
        complete: whether it alone trains every output of the student.
        provenance: data access level that it adds to the student; empty for none.
        parts: detached scalars that make up the latest value, by name, for the log; empty if there is only one.

    Example:
        >>> class FirstHead(DistillLoss):
        ...     def forward(self, batch: DistillationBatch) -> Tensor:
        ...         _, outputs = batch.teacher_or_raise()
        ...         return (batch.student_outputs.heads[0] - outputs.heads[0]).abs().mean()
        >>> loss = FirstHead(weight=0.5)
    """

    needs_teacher = True
    needs_labels = False
    needs_norm_inputs = False
    complete = True
    provenance = Provenance()

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = self._gain("weight", weight)
        self.parts: dict[str, Tensor] = {}

    def _gain(self, key: str, value: float) -> float:
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{type(self).__name__}: {key} must be finite and >= 0, got {value}")
        return value

    def prepare(self, teacher: Detector | None, student: Detector, resolution: int) -> None:
        """Checks that the two detectors fit, and builds layers that depend on them; called before the first step.

        Args:
            teacher: None only if ``needs_teacher`` is False.
            student: on its training device.
            resolution: height and width of the images in pixels.

        Raises:
            ValueError: if this loss cannot be computed for the two detectors.
        """
        if self.needs_teacher and teacher is None:
            raise ValueError(f"teacher: {type(self).__name__} needs one, got None; Detection learns from labels alone")

    @property
    def facts(self) -> dict[str, Any]:
        """Metadata about auxiliary models this loss uses, for ``metrics.json``."""
        return {}

    def fingerprint(self) -> str | None:
        """Returns the SHA-256 of the auxiliary weights this loss uses, or None; resuming requires the same hash."""
        return None

    @abstractmethod
    def forward(self, batch: DistillationBatch) -> Float[Tensor, ""]:
        """Returns the loss before its weight is applied, in float32 or float64."""
