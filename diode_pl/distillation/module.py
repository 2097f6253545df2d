"""The LightningModule that trains a student with a frozen teacher."""

import json
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor, nn

from diode_pl.data import Batch, DetectionData
from diode_pl.data.pseudo_labels import LabelPolicy
from diode_pl.detector import Detector
from diode_pl.distillation.evaluation import Evaluation
from diode_pl.distillation.losses import DistillationBatch, DistillLoss, Objective
from diode_pl.provenance import TEACHER_WEIGHTS, Provenance
from diode_pl.training.module import TrainingModule
from diode_pl.training.optim import Recipe

log = logging.getLogger(__name__)


class Distillation(Evaluation, TrainingModule):
    """Trains a student on the outputs of a teacher, on labels, or on both.

    Args:
        student: the detector to train, in place; or a factory, see :func:`build_student`.
        teacher: frozen here; None if no loss needs one.
        losses: losses by name; None or a weight of 0 disables one.
        data: training and validation images.
        label_source: which boxes count as labels; None uses those of the data set.
        confidence, iou: see :class:`Evaluation`.
        recipe, log_every: see :class:`TrainingModule`, also for attributes.
        anchors: ``fit`` clusters the boxes of the training images into the student's anchors; None keeps them.
        inherit: whether the student starts from channels of the teacher's layers, see :meth:`Detector.inherit`.

    Raises:
        ValueError: if no loss is enabled, a required teacher is missing, or detectors, losses and data do not fit
            each other.

    Source: Chawla et al., WACV 2021, section 3.4 and 4.

    Example:
        >>> from diode_pl import data, distillation, load_detector, shapes
        >>> images = shapes.ShapesWorld("train", size=4, resolution=64)
        >>> data = DetectionData(images, None, data.tiling.Fixed(1), {})
        >>> losses, recipe = {"detection": distillation.losses.Detection()}, Recipe(torch.optim.AdamW)
        >>> module = Distillation(load_detector(width=0.1), None, losses, recipe, data)
    """

    part = "distillation"
    kept = ("history", "teacher_scores", "teacher_per_class", "per_class", "skipped")

    def __init__(
        self,
        student: Detector | partial[Detector],
        teacher: Detector | None,
        losses: Mapping[str, DistillLoss | None],
        recipe: Recipe,
        data: DetectionData,
        label_source: LabelPolicy | None = None,
        confidence: float = 0.001,
        iou: float = 0.6,
        log_every: int = 10,
        anchors: str | None = None,
        inherit: bool = False,
    ) -> None:
        super().__init__(student, teacher, data, confidence, iou, recipe=recipe, log_every=log_every)
        if not self.student.trainable:
            kind = type(self.student).__name__
            raise ValueError(f"student: {kind} is a teacher or a verifier only, as no file of weights builds it again")
        if data.train is None:
            raise ValueError("train: expected images to train on, got None; an evaluation needs none")
        if teacher is not None:
            data.train.require_teacher(teacher)
        if anchors not in (None, "fit"):
            raise ValueError(f"anchors must be fit or null, got {anchors!r}")
        if anchors is not None:
            self.student.require("fit_anchors")
            self.student.fit_anchors(data.train.box_sizes())
        if inherit:
            self._inherit()
        self.objective = Objective(losses, teacher, self.student, data.resolution, label_source)
        if readers := self.objective.label_readers():
            data.require_labels(readers, everywhere=self.objective.label_source.source == "sampled")
        self.provenance = self._student_provenance(data)

    @property
    def learner(self) -> tuple[str, nn.Module]:
        return "student", self.student

    def take_scores(self) -> dict[str, float]:
        scores, self.student_scores = self.student_scores, {}
        return scores

    def on_fit_start(self) -> None:
        """Evaluates the teacher before the first step."""
        self.teacher_scores, self.teacher_per_class, self.skipped = (
            {},
            {},
            {},
        )  # those of a checkpoint may be of other images
        self.measure_teacher()

    def on_validation_start(self) -> None:
        """Stops a training that broke down before its outputs are scored: its message says how to go on."""
        if self.trainer.state.fn == TrainerFn.FITTING:
            self._stop_if_not_finite(weights=True)
        super().on_validation_start()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Returns the weighted sum of the losses on one batch, scaled for the batch size."""
        with torch.no_grad(), self.objective.recording(self.teacher) as teacher_inputs:
            expected = None if self.teacher is None else self.teacher(batch.images)
        with self.objective.recording(self.student) as student_inputs:
            outputs = self.student(batch.images)
        detectors, inputs = (self.student, self.teacher), (student_inputs, teacher_inputs)
        total, row = self.objective(
            DistillationBatch(batch.images, *detectors, outputs, expected, batch.targets, *inputs)
        )
        self.log_step(row, batch_idx)
        return self.scale_loss(total, len(batch.images))

    def on_blind_teacher(self, message: str) -> None:
        raise ValueError(f"{message} Nothing can be learned from it; pass val=None to skip this check")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds what a weights file says of the student, so that the checkpoint alone rebuilds it."""
        self.skipped = self.count_skipped()
        super().on_save_checkpoint(checkpoint)
        checkpoint["student"] = self.student.weights_metadata() | self.student_notes

    @property
    def student_notes(self) -> dict[str, str]:
        """Class names, data access level and resolution of the student, as metadata of its weights."""
        images = self.data if self.data.val is None else self.data.val
        notes = {"class_names": json.dumps(self.student.class_names), "data_access": str(self.provenance)}
        return notes | {"resolution": str(images.resolution)}

    def _inherit(self) -> None:
        self.student.require("inherit")
        if self.teacher is None or self.student.provenance is not None:
            raise ValueError("inherit needs a teacher, and a student without weights of its own")
        self.student.inherit(self.teacher)
        self.student.provenance = TEACHER_WEIGHTS

    def _student_provenance(self, data: DetectionData) -> Provenance:
        provenance = (self.student.provenance or Provenance()) | Provenance(teacher=self.teacher is not None)
        for loss in self.objective.terms.values():
            provenance |= loss.provenance
        return provenance | data.provenance_with_labels(read=self.objective.reads_labels)
