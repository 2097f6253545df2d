"""The weighted sum of distillation losses."""

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from diode_pl.data.pseudo_labels import LabelPolicy, find_unknown_classes
from diode_pl.detector import Detector, record_inputs
from diode_pl.distillation.losses.base import DistillationBatch, DistillLoss

log = logging.getLogger(__name__)


class Objective(nn.Module):
    """The weighted sum of the enabled losses.

    Args:
        losses: losses by name; None or a weight of 0 disables one.
        teacher: None if no loss needs one.
        student: on its training device.
        resolution: height and width of the training images in pixels.
        label_source: which boxes count as labels; None uses those of the data set.

    Raises:
        ValueError: if no loss is enabled, the losses do not fit the two detectors, or they leave outputs of the
            student untrained.

    Example:
        >>> from diode_pl import load_detector
        >>> from diode_pl.distillation.losses import Decoded, Detection
        >>> detector = load_detector(width=0.1)
        >>> objective = Objective({"decoded": Decoded(), "detection": Detection(weight=0.0)}, detector, detector, 64)
        >>> list(objective.terms), objective.reads_labels
        (['decoded'], False)
    """

    def __init__(
        self,
        losses: Mapping[str, DistillLoss | None],
        teacher: Detector | None,
        student: Detector,
        resolution: int,
        label_source: LabelPolicy | None = None,
    ) -> None:
        super().__init__()
        active = {name: loss for name, loss in losses.items() if loss is not None and loss.weight > 0}
        if not active:
            raise ValueError("losses: no loss with a weight above 0 is left")
        self.losses, self.label_source = nn.ModuleDict(active), label_source or LabelPolicy()
        self._check(teacher, student)
        for loss in self.terms.values():
            loss.prepare(teacher, student, resolution)

    @property
    def terms(self) -> dict[str, DistillLoss]:
        """The enabled losses by name."""
        return {name: loss for name, loss in self.losses.items() if isinstance(loss, DistillLoss)}

    @property
    def facts(self) -> dict[str, dict[str, Any]]:
        """Metadata about auxiliary models, by name of the loss."""
        return {name: facts for name, loss in self.terms.items() if (facts := loss.facts)}

    @property
    def reads_labels(self) -> bool:
        """Whether the labels of the training images are used."""
        return self._needs_labels and self.label_source.reads_data

    @property
    def asks_teacher(self) -> bool:
        """Whether the teacher's outputs are used."""
        labels = self._needs_labels and self.label_source.needs_teacher
        return labels or any(loss.needs_teacher for loss in self.terms.values())

    @property
    def _needs_labels(self) -> bool:
        return any(loss.needs_labels for loss in self.terms.values())

    def recording(self, detector: Detector | None) -> AbstractContextManager[list[list[Tensor]]]:
        """Context in which a forward pass of ``detector`` records the inputs of its norm layers, if a loss reads them.

        Otherwise, and without a detector, the list stays empty and the pass has no overhead.
        """
        needed = any(loss.needs_norm_inputs for loss in self.terms.values())
        layers = detector.norm_layers() if needed and detector is not None else []
        return record_inputs(layers, lambda features: features)

    def label_readers(self) -> list[str]:
        """Returns the losses that read the images' labels, by name; warns if ``label_source`` has no effect."""
        readers = [name for name, loss in self.terms.items() if loss.needs_labels]
        if self.label_source.needs_teacher and not readers:
            message = "label_source: %s changes nothing, as no loss reads labels; Detection and Dicod do"
            log.warning(message, self.label_source.source)
        return readers if self.label_source.reads_data else []

    def _check(self, teacher: Detector | None, student: Detector) -> None:
        if not any(loss.complete for loss in self.terms.values()):
            raise ValueError(
                f"losses: {', '.join(self.terms)} does not train every output of the student; add Decoded or "
                "Detection, which learns from labels"
            )
        if teacher is None and self._needs_labels and self.label_source.needs_teacher:
            raise ValueError("label_source and teacher: labels need a teacher, got None; source=sampled needs none")
        if teacher is not None and self.reads_labels and self.label_source.agreement:
            find_unknown_classes(student.class_names, teacher.class_names)

    def forward(self, batch: DistillationBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the sum, and a row for the log: each loss and its parts, unweighted and detached."""
        row = dict[str, Tensor]()
        if self._needs_labels:
            labels, counts = self.label_source(batch.targets, batch.teacher_detections)
            batch, row = replace(batch, targets=labels), {f"labels/{name}": count for name, count in counts.items()}
        terms = {name: loss(batch) for name, loss in self.terms.items()}
        total = torch.stack([self.terms[name].weight * term for name, term in terms.items()]).sum()
        parts = {f"{name}/{part}": value for name, loss in self.terms.items() for part, value in loss.parts.items()}
        row |= {f"loss/{name}": value.detach() for name, value in (terms | parts | {"total": total}).items()}
        return total, row
