"""What every distillation loss offers, and what it sees."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from diode_pl.detector import Detector, Outputs
from diode_pl.provenance import Provenance
from diode_pl.targets import Targets


@dataclass(frozen=True)
class DistillationBatch:
    """What teacher and student say of one batch.

    Args:
        images: the batch, as both of them saw it; values in [0, 1].
        student: the detector that learns.
        teacher: the frozen detector that it learns from; None in training from labels alone.
        student_outputs: the student's answer, with gradient.
        teacher_outputs: the teacher's answer to the same images; None without a teacher.
        targets: labeled boxes, in the student's class numbering; no boxes where there are no labels.
    """

    images: Float[Tensor, "n 3 h w"]
    student: Detector
    teacher: Detector | None
    student_outputs: Outputs
    teacher_outputs: Outputs | None
    targets: Targets

    def teacher_or_raise(self) -> tuple[Detector, Outputs]:
        """The teacher and its answer.

        Raises:
            ValueError: there is no teacher.
        """
        if self.teacher is None or self.teacher_outputs is None:
            raise ValueError("expected a teacher and its outputs, got none")
        return self.teacher, self.teacher_outputs

    def teacher_detections(self, confidence: float) -> Targets:
        """What the teacher finds in the images, in the student's class numbering; classes that it lacks are left out.

        Args:
            confidence: detections at or below it do not count.

        Raises:
            ValueError: there is no teacher.
        """
        teacher, taught = self.teacher_or_raise()
        found = teacher.predict_as(self.student.class_names, taught, confidence=confidence)
        return Targets.from_images([(each.boxes, each.labels) for each in found], self.targets.boxes.device)


class DistillLoss(nn.Module, ABC):
    """One term of the student's objective; a module, so that a loss may own layers that learn along.

    Args:
        weight: factor of the term in the sum.

    Raises:
        ValueError: ``weight`` is negative or not finite.

    Attributes:
        needs_teacher: whether it reads the teacher and its outputs.
        needs_labels: whether it reads the targets.
        complete: whether it trains every output of the student by itself.
        provenance: what the student has seen because of it; empty for nothing.
        parts: what the latest term was made of, by name: raw scalars without gradient, for the log. Empty where the
            term is of one piece.
    """

    needs_teacher = True
    needs_labels = False
    complete = True
    provenance = Provenance()

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = self._gain("weight", weight)
        self.parts: dict[str, Tensor] = {}

    def _gain(self, key: str, value: float) -> float:
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{type(self).__name__}: {key} must be finite and >= 0, got {value}")
        return value

    def prepare(self, teacher: Detector | None, student: Detector, resolution: int) -> None:
        """Called before the first step: checks that the two detectors fit, and builds what depends on them.

        Args:
            teacher: None only where ``needs_teacher`` is False.
            student: on the device that it will be trained on.
            resolution: side of the images in pixels.

        Raises:
            ValueError: this loss cannot be computed between the two.
        """
        if self.needs_teacher and teacher is None:
            raise ValueError(f"teacher: {type(self).__name__} needs one, got None; Detection learns from labels alone")

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of that which the term brings along, as plain data, for the report of the training."""
        return {}

    def fingerprint(self) -> str | None:
        """Of the trained weights that the term brings along, whatever file they came from; None where there are none.

        A training goes on with the same ones only.
        """
        return None

    @abstractmethod
    def forward(self, lesson: DistillationBatch) -> Float[Tensor, ""]:
        """The raw term, before its weight; in float32 or better."""
