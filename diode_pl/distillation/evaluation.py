"""Evaluation of a student and its teacher on labeled images."""

import logging
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from tqdm import tqdm

from diode_pl.dashboard import log_numbers
from diode_pl.data import Batch, DetectionData
from diode_pl.detector import Detections, Detector
from diode_pl.distillation.build import build_student
from diode_pl.distillation.losses.shared_classes import shared_labels
from diode_pl.metrics import DetectionScores

log = logging.getLogger(__name__)


class Evaluation(pl.LightningModule):
    """Evaluates a student on the validation images, and a teacher on the classes that both have.

    The teacher is not a submodule: it is excluded from checkpoints, weight averaging and gradients.

    Args:
        student: its class numbering is used throughout; or a factory, see :func:`build_student`.
        teacher: frozen here; None evaluates the student alone.
        data: the images; their labels are mapped to the student's numbering.
        confidence: detections at or below it are dropped, in [0, 1].
        iou: threshold of non-maximum suppression, in [0, 1].
        options: passed to the next class in the method resolution order.

    Attributes:
        teacher_scores, student_scores: on the validation set; the student's are the latest.
        per_class, teacher_per_class: the latest scores of the student and of the teacher by class name.
        shared: labels of the validation set that the teacher has too.
        skipped: number of bad images and annotations of ``train`` and ``val`` that a resumed training had found.

    Raises:
        ValueError: if a number is out of range, or student and data do not fit each other.

    Example:
        >>> from diode_pl import load_detector
        >>> from diode_pl.data.tiling import Fixed
        >>> from diode_pl.shapes import ShapesWorld
        >>> data = DetectionData(None, ShapesWorld("val", size=4, resolution=64), Fixed(1), {})
        >>> evaluation = Evaluation(load_detector(width=0.1), None, data)
    """

    def __init__(
        self,
        student: Detector | partial[Detector],
        teacher: Detector | None,
        data: DetectionData,
        confidence: float = 0.001,
        iou: float = 0.6,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if not (0 <= confidence <= 1 and 0 <= iou <= 1):
            raise ValueError(f"confidence and iou must be in [0, 1], got {confidence} and {iou}")
        source = teacher or data.train or data.val
        student = build_student(student, () if source is None else source.class_names, teacher)
        # First: others try the detectors, whose own errors name no key.
        data.check_resolution({"student": student} | ({} if teacher is None else {"teacher": teacher}))
        data.match_classes(student.class_names)
        self.student = student.to(memory_format=torch.channels_last)
        if teacher is not None:
            teacher.freeze().to(memory_format=torch.channels_last)
        self._teacher = (teacher,)  # nn.Module does not register what is inside a tuple
        self.data, self.confidence, self.iou = data, confidence, iou
        self.teacher_scores, self.student_scores = dict[str, float](), dict[str, float]()
        self.per_class, self.teacher_per_class = dict[str, dict[str, float]](), dict[str, dict[str, float]]()
        self.skipped = dict[str, int | None]()
        self.scores = DetectionScores(student.class_names, data.evaluated) if data.evaluated else None
        shared = () if teacher is None else shared_labels(teacher, student)
        self.shared = [label for label in data.evaluated if label in shared]
        if teacher is not None and data.evaluated and not self.shared:
            log.warning("val: the teacher has none of its classes, and is not evaluated")

    @property
    def teacher(self) -> Detector | None:
        """The frozen detector."""
        return self._teacher[0]

    def on_validation_start(self) -> None:
        self.measure_teacher()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        if self.scores is not None:
            self._score(self.scores, self.student, batch)

    def on_validation_epoch_end(self) -> None:
        """Computes and logs the scores over all images of all processes."""
        if self.scores is None:
            return
        self.student_scores, self.per_class = self.scores.compute(), self.scores.per_class()
        self.scores.reset()
        values = {f"val/{name}": value for name, value in self.student_scores.items()}
        self.log_dict(values, logger=False, sync_dist=True)
        log_numbers(self.loggers, values | {"epoch": float(self.current_epoch)}, self.trainer.global_step)
        self.log("AP50", self.student_scores["AP50"], prog_bar=True, logger=False, sync_dist=True)

    def count_skipped(self) -> dict[str, int | None]:
        """Number of bad images and annotations of each set; None for no set."""
        sets = {"train": self.data.train, "val": self.data.val}
        return {
            key: None if images is None else max(len(images.bad_files), self.skipped.get(key) or 0)
            for key, images in sets.items()
        }

    @torch.no_grad()
    def predict_with(self, detector: Detector, batch: Batch, confidence: float) -> list[Detections]:
        """Returns the detections per image in the student's class numbering, without classes the student lacks.

        Raises:
            ValueError: if outputs are not finite.
        """
        outputs = detector(batch.images)
        outputs.require_finite("teacher" if detector is self.teacher else "student")
        return detector.predict_as(self.student.class_names, outputs, confidence=confidence, iou=self.iou)

    def _score(self, scores: DetectionScores, detector: Detector, batch: Batch) -> None:
        found = self.predict_with(detector, batch, self.confidence)
        scores.update(found, batch.targets, batch.sizes, batch.areas, batch.ignored)

    def measure_teacher(self) -> None:
        """Computes the teacher's scores on the shared classes, unless they are known."""
        if self.teacher is not None:
            self.teacher.to(self.device)
        if self.teacher is None or not self.shared or self.teacher_scores:
            return
        # Classes that it lacks would count as missed, which says nothing about the others.
        scores = DetectionScores(self.student.class_names, self.shared).to(self.device)
        batches = self.trainer.datamodule.val_dataloader()  # type: ignore[attr-defined]
        for batch in tqdm(batches, "teacher", unit="batches", leave=False, disable=self.global_rank > 0 or None):
            batch = self.trainer.strategy.batch_to_device(batch)
            self._score(scores, self.teacher, batch)
        self.teacher_scores, self.teacher_per_class = scores.compute(), scores.per_class()
        log.info("teacher on the validation set: AP50 %(AP50).3f, AP %(AP).3f", self.teacher_scores)
        if self.teacher_scores["AP50"] == 0:
            reason = "Does val show the teacher's classes, at a resolution that it was trained at?"
            if self.teacher.provenance is None:
                reason = "Its weights are random."
            self.on_blind_teacher(f"teacher: its AP50 on the validation set is 0. {reason}")

    def on_blind_teacher(self, message: str) -> None:
        """Called when the teacher finds nothing on the validation set: warns; a training raises."""
        log.warning("%s Without a teacher, the student alone is measured", message)
