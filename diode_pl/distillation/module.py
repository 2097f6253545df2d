"""The LightningModule that trains a student with a frozen teacher."""

import logging
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from diode_pl.data import Batch, DetectionData
from diode_pl.data.pseudo_labels import LabelPolicy
from diode_pl.detector import Detector
from diode_pl.distillation.evaluation import Evaluation
from diode_pl.distillation.losses import DistillationBatch, DistillLoss, Objective
from diode_pl.provenance import Provenance
from diode_pl.training.module import TrainingModule
from diode_pl.training.optim import Recipe

log = logging.getLogger(__name__)


class Distillation(Evaluation, TrainingModule):
    """Trains a student on the outputs of a teacher, on labels, or on both.

    Args:
        student: the detector to train, in place.
        teacher: frozen here; None if no loss needs one.
        losses: losses by name; None or a weight of 0 disables one.
        data: training and validation images.
        label_source: which boxes count as labels; None uses those of the data set.
        confidence, iou: see :class:`Evaluation`.
        recipe, log_every: see :class:`TrainingModule`, also for attributes.

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

    part, kept = "distillation", ("history", "teacher_scores", "per_class")

    def __init__(
        self,
        student: Detector,
        teacher: Detector | None,
        losses: Mapping[str, DistillLoss | None],
        recipe: Recipe,
        data: DetectionData,
        label_source: LabelPolicy | None = None,
        confidence: float = 0.001,
        iou: float = 0.6,
        log_every: int = 10,
    ) -> None:
        super().__init__(student, teacher, data, confidence, iou, recipe=recipe, log_every=log_every)
        if data.train is None:
            raise ValueError("train: expected images to train on, got None; an evaluation needs none")
        self.objective = Objective(losses, teacher, student, data.resolution, label_source)
        if readers := self.objective.label_readers():
            data.require_labels(readers)
        self.provenance = self._student_provenance(data)

    @property
    def learner(self) -> tuple[str, nn.Module]:
        return "student", self.student

    def take_scores(self) -> dict[str, float]:
        scores, self.student_scores = self.student_scores, {}
        return scores

    def on_fit_start(self) -> None:
        """Evaluates the teacher before the first step."""
        self.teacher_scores = {}  # those of a checkpoint may be of other images
        self.measure_teacher()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Returns the weighted sum of the losses on one batch, scaled for the batch size."""
        with torch.no_grad():
            expected = None if self.teacher is None else self.teacher(batch.images)
        outputs = self.student(batch.images)
        total, row = self.objective(
            DistillationBatch(batch.images, self.student, self.teacher, outputs, expected, batch.targets)
        )
        self.log_step(row, batch_idx)
        return self.scale_loss(total, len(batch.images))

    def on_blind_teacher(self, message: str) -> None:
        raise ValueError(f"{message} Nothing can be learned from it; pass val=None to skip this check")

    def _student_provenance(self, data: DetectionData) -> Provenance:
        provenance = (self.student.provenance or Provenance()) | Provenance(teacher=self.teacher is not None)
        for loss in self.objective.terms.values():
            provenance |= loss.provenance
        return provenance | data.provenance.with_labels(read=self.objective.reads_labels)
