"""A student learns from a frozen teacher."""

import logging
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from tqdm import tqdm

from diode_pl.data import Batch, DetectionData
from diode_pl.data.pseudo_labels import LabelPolicy
from diode_pl.detector import Detections, Detector
from diode_pl.distillation.losses import DistillationBatch, DistillLoss, Objective
from diode_pl.distillation.losses.shared_classes import shared_labels
from diode_pl.metrics import DetectionScores
from diode_pl.training.module import TrainingModule
from diode_pl.training.optim import Recipe

log = logging.getLogger(__name__)


class Distillation(TrainingModule):
    """Trains a student on what a teacher says of images, on labels, or on both.

    The teacher is no submodule: it is in no checkpoint, in no moving average, and receives no gradient.

    Args:
        student: gets the weights.
        teacher: is frozen here; None where no loss needs one.
        losses: terms by name; None or a weight of 0 leaves one out.
        recipe: how the weights are moved.
        label_source: which boxes count as labels.
        confidence: detections at or below it do not count in validation.
        iou: of two detections of a class that overlap by more, the better one counts.
        log_every: steps between two rows of the log.

    Attributes:
        history: an entry an epoch: losses, learning rate, scores, seconds.
        teacher_scores, student_scores: on the validation set; the teacher's on the classes that it has, the student's
            latest.
        per_class: the same by class name.
        provenance: what the student has seen; a checkpoint adds what it saw before.

    Raises:
        ValueError: no loss is left, or a loss needs a teacher and there is none.

    Source: Chawla et al., WACV 2021, section 3.4 and 4.
    """

    part = "distillation"
    kept = ("history", "teacher_scores", "per_class")

    def __init__(
        self,
        student: Detector,
        teacher: Detector | None,
        losses: Mapping[str, DistillLoss | None],
        recipe: Recipe,
        label_source: LabelPolicy | None = None,
        confidence: float = 0.001,
        iou: float = 0.6,
        log_every: int = 10,
    ) -> None:
        super().__init__(recipe, log_every)
        if not isinstance(student, Detector):
            raise ValueError(f"student: got {student!r} where a detector is needed; detector@student=NAME picks one")
        self.student = student.to(memory_format=torch.channels_last)
        self.objective = Objective(losses, label_source)
        if teacher is not None:
            teacher.freeze().to(memory_format=torch.channels_last)
        self._teacher = (teacher,)  # inside a tuple, modules do not find it
        self.confidence, self.iou = confidence, iou
        self.teacher_scores, self.student_scores = dict[str, float](), dict[str, float]()
        self.per_class: dict[str, dict[str, float]] = {}
        self.scores: DetectionScores | None = None
        self._teachers_labels: list[int] = []

    @property
    def teacher(self) -> Detector | None:
        """The frozen detector."""
        return self._teacher[0]

    @property
    def learner(self) -> tuple[str, nn.Module]:
        return "student", self.student

    def take_scores(self) -> dict[str, float]:
        scores, self.student_scores = self.student_scores, {}
        return scores

    def prepare(self, data: DetectionData, learns: bool = True) -> None:
        """Fits losses and data to the two detectors; before training, or ``learns=False`` before measuring alone.

        Raises:
            ValueError: they do not fit each other.
        """
        detectors = {"teacher": self.teacher, "student": self.student}
        # First: losses try the detectors, whose own errors name no key.
        data.check_resolution({name: detector for name, detector in detectors.items() if detector is not None})
        if learns:
            self.objective.prepare(self.teacher, self.student, data.resolution)
        data.prepare_for(self.student, self._label_readers() if learns else ())
        if data.evaluated:
            self.scores = DetectionScores(self.student.class_names, data.evaluated)
        if self.teacher is not None:
            shared = shared_labels(self.teacher, self.student)
            self._teachers_labels = [label for label in data.evaluated if label in shared]
            if data.evaluated and not self._teachers_labels:
                log.warning("val: the teacher has none of its classes, and is not measured")

    def _label_readers(self) -> Sequence[str]:
        readers = [name for name, loss in self.objective.terms.items() if loss.needs_labels]
        source = self.objective.label_source
        if source.needs_teacher and not readers:
            log.warning(
                "label_source=%s changes nothing: no term of distill reads labels (alpha_detection, detection, dicod "
                "do)",
                source.source,
            )
        return readers if source.reads_data else ()

    def on_fit_start(self) -> None:
        """Measures the teacher first."""
        self.teacher_scores = {}  # a checkpoint may tell those on other images
        self._measure_teacher()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The weighted sum of the losses on one batch."""
        with torch.no_grad():
            taught = None if self.teacher is None else self.teacher(batch.images)
        lesson = DistillationBatch(
            batch.images, self.student, self.teacher, self.student(batch.images), taught, batch.targets
        )
        total, row = self.objective(lesson)
        return self.log_step(total, row, len(batch.images), batch_idx)

    def on_validation_start(self) -> None:
        """Measures the teacher where no training did."""
        self._measure_teacher()

    def validation_step(self, batch: Batch | None, batch_idx: int) -> None:
        """Takes in the student's detections on one batch."""
        if batch is not None and self.scores is not None:
            self.scores.update(self.predict_with(self.student, batch, self.confidence), batch.targets, batch.sizes)

    def on_validation_epoch_end(self) -> None:
        """The scores of all images, of all processes."""
        if self.scores is None:
            return
        self.student_scores, self.per_class = self.scores.compute(), self.scores.per_class()
        self.scores.reset()
        self.log_dict({f"val/{name}": value for name, value in self.student_scores.items()}, sync_dist=True)
        self.log("AP50", self.student_scores["AP50"], prog_bar=True, logger=False, sync_dist=True)

    def _measure_teacher(self) -> None:
        if self.teacher is not None:
            self.teacher.to(self.device)
        if self.teacher is None or not self._teachers_labels or self.teacher_scores:
            return
        # Of what it cannot name it finds nothing, which says nothing of how well it finds the rest.
        scores = DetectionScores(self.student.class_names, self._teachers_labels).to(self.device)
        batches = self.trainer.datamodule.val_dataloader()  # type: ignore[attr-defined]
        for batch in tqdm(batches, "teacher", unit="batches", leave=False, disable=self.global_rank > 0 or None):
            if batch is not None:
                batch = self.trainer.strategy.batch_to_device(batch)
                scores.update(self.predict_with(self.teacher, batch, self.confidence), batch.targets, batch.sizes)
        self.teacher_scores = scores.compute()
        log.info("teacher on the validation set: AP50 %(AP50).3f, AP %(AP).3f", self.teacher_scores)
        if self.teacher_scores["AP50"] > 0:
            return
        blind = "the teacher's AP50 on the validation set is 0"
        question = "Does val show the teacher's classes, at a resolution that it knows?"
        if self.teacher.provenance is None:
            question = "Its weights are random (teacher.weights)."
        if not self.trainer.validating:
            raise ValueError(
                f"{blind}: nothing can be learned from it. {question} data@val=none trains without looking"
            )
        log.warning("%s. %s detector@teacher=none measures the student alone", blind, question)

    @torch.no_grad()
    def predict_with(self, detector: Detector, batch: Batch, confidence: float) -> list[Detections]:
        """What a detector finds, in the student's class numbering; classes that the student lacks are left out."""
        outputs = detector(batch.images)
        return detector.predict_as(self.student.class_names, outputs, confidence=confidence, iou=self.iou)
