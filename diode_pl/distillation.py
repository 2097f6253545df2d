"""A student learns from a frozen teacher."""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import Optimizer
from tqdm import tqdm

from diode_pl.class_names import match_classes
from diode_pl.data import Batch, DetectionData
from diode_pl.detector import Detections, Detector, synchronise
from diode_pl.distill import DistillLoss, EpochMeans, Lesson, Objective
from diode_pl.label_source import LabelSource
from diode_pl.metrics import DetectionScores
from diode_pl.recipe import Recipe

log = logging.getLogger(__name__)
_KEPT = ("history", "teacher_scores", "per_class", "data_access")


class Distillation(pl.LightningModule):
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
        teacher_scores, student_scores: on the validation set; the student's latest.
        per_class: the same by class name.
        data_access: what the student has seen; a checkpoint adds what it saw before.

    Raises:
        ValueError: no loss is left, or a loss needs a teacher and there is none.

    Source: Chawla et al., WACV 2021, section 3.4 and 4.
    """

    def __init__(
        self,
        student: Detector,
        teacher: Detector | None,
        losses: Mapping[str, DistillLoss | None],
        recipe: Recipe,
        label_source: LabelSource | None = None,
        confidence: float = 0.001,
        iou: float = 0.6,
        log_every: int = 10,
    ) -> None:
        super().__init__()
        if not isinstance(student, Detector):
            raise ValueError(f"student: got {student!r} where a detector is needed; detector@student=NAME picks one")
        self.student = student.to(memory_format=torch.channels_last)
        self.objective = Objective(losses, label_source)
        if teacher is not None:
            teacher.freeze().to(memory_format=torch.channels_last)
        self._teacher = (teacher,)  # inside a tuple, modules do not find it
        self.recipe, self.confidence, self.iou, self.log_every = recipe, confidence, iou, log_every
        self.history, self.data_access = list[dict[str, float]](), list[str]()
        self.teacher_scores, self.student_scores = dict[str, float](), dict[str, float]()
        self.per_class: dict[str, dict[str, float]] = {}
        self.scores: DetectionScores | None = None

    @property
    def teacher(self) -> Detector | None:
        """The frozen detector."""
        return self._teacher[0]

    def prepare(self, data: DetectionData) -> None:
        """Fits losses and data to the two detectors; before training or measuring.

        Raises:
            ValueError: they do not fit each other.
        """
        self.objective.prepare(self.teacher, self.student, data.resolution)
        data.prepare_for(self.student, self.objective.reads_labels)
        if data.evaluated:
            self.scores = DetectionScores(self.student.class_names, data.evaluated)

    def setup(self, stage: str) -> None:
        """Lets batch norm see the images of all processes."""
        if stage == "fit" and self.trainer.world_size > 1:
            synchronise(self.student)

    def configure_optimizers(self) -> Optimizer:
        """The recipe's, over the student and whatever the losses train along."""
        return self.recipe.optimizer(self)

    def on_fit_start(self) -> None:
        """Measures the teacher first."""
        self.teacher_scores = {}  # a checkpoint may tell those on other images
        self._measure_teacher()

    def on_train_epoch_start(self) -> None:
        """Starts the means of this epoch."""
        self._means = EpochMeans()
        self._started = time.perf_counter()
        if self.current_epoch + 1 == self.trainer.max_epochs:
            self.trainer.check_val_every_n_epoch = 1  # what is kept is measured, whatever the interval

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Sets the learning rates of this step."""
        steps, per_epoch = int(self.trainer.estimated_stepping_batches), int(self.trainer.num_training_batches)
        self.recipe.apply(self.trainer.optimizers[0], self.trainer.global_step, steps, per_epoch)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The weighted sum of the losses on one batch."""
        with torch.no_grad():
            taught = None if self.teacher is None else self.teacher(batch.images)
        lesson = Lesson(batch.images, self.student, self.teacher, self.student(batch.images), taught, batch.targets)
        total, shown = self.objective(lesson)
        self._means.add(shown)
        if batch_idx % self.log_every == 0:
            self._stop_if_not_finite()
            self.log_dict(shown | {"lr": self.trainer.optimizers[0].param_groups[0]["lr"]}, batch_size=1)
            self.log("loss", shown["loss/total"], prog_bar=True, logger=False, batch_size=1)
        # Every process has its part of the batch, and their gradients are averaged.
        return total * self.recipe.loss_scale(len(batch.images) * self.trainer.world_size)

    def on_train_epoch_end(self) -> None:
        """Adds this epoch to the history; checkpoints come after it."""
        # The gradient of a finite loss need not be finite.
        intact = all(bool(parameter.isfinite().all()) for parameter in self.student.parameters())
        self._stop_if_not_finite([] if intact else ["the student's weights"])
        means = self._means.means()
        shared = self.trainer.strategy.reduce(torch.tensor([*means.values()], device=self.device), reduce_op="mean")
        entry = {"epoch": float(self.current_epoch), "lr": self.trainer.optimizers[0].param_groups[0]["lr"]}
        # Validation belongs to the epoch that it ends; of an epoch without one there are no scores.
        scores, self.student_scores = {f"val/{name}": value for name, value in self.student_scores.items()}, {}
        entry |= dict(zip(means, shared.tolist(), strict=True)) | scores
        self.history.append(entry | {"seconds": time.perf_counter() - self._started})

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keeps what the weights do not say."""
        checkpoint["distillation"] = {name: getattr(self, name) for name in _KEPT}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Goes on where the checkpoint stopped."""
        kept = checkpoint.get("distillation", {})
        seen = {*kept.get("data_access", ()), *self.data_access}
        for name, value in (kept | {"data_access": sorted(seen)}).items():
            setattr(self, name, value)

    def _stop_if_not_finite(self, others: Sequence[str] = ()) -> None:
        broken = [*self._means.not_finite(), *others]
        if broken:
            raise FloatingPointError(
                f"not finite in epoch {self.current_epoch}: {', '.join(broken)}. The last checkpoint is intact: go on "
                "from it with ckpt=PATH in another output_dir, with a lower optimizer.lr, a lower "
                "trainer.gradient_clip_val or trainer.precision=32-true"
            )

    def on_validation_start(self) -> None:
        """Measures the teacher where no training did."""
        self._measure_teacher()

    def validation_step(self, batch: Batch | None, batch_idx: int) -> None:
        """Takes in the student's detections on one batch."""
        if batch is not None and self.scores is not None:
            self.scores.update(self.found_by(self.student, batch, self.confidence), batch.targets, batch.sizes)

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
        if self.teacher is None or self.scores is None or self.teacher_scores:
            return
        batches = self.trainer.datamodule.val_dataloader()  # type: ignore[attr-defined]
        for batch in tqdm(batches, "teacher", unit="batches", leave=False, disable=self.global_rank > 0 or None):
            if batch is not None:
                batch = self.trainer.strategy.batch_to_device(batch)
                self.scores.update(self.found_by(self.teacher, batch, self.confidence), batch.targets, batch.sizes)
        self.teacher_scores = self.scores.compute()
        self.scores.reset()
        log.info("teacher on the validation set: AP50 %(AP50).3f, AP %(AP).3f", self.teacher_scores)
        # There is nothing to learn from one that does not work here.
        if self.teacher_scores["AP50"] == 0:
            raise ValueError(
                "the teacher's AP50 on the validation set is 0: nothing can be learned from it. Does val show the "
                "teacher's classes, at a resolution that it knows? data@val=none trains without looking"
            )

    @torch.no_grad()
    def found_by(self, detector: Detector, batch: Batch, confidence: float) -> list[Detections]:
        """What a detector finds, in the student's class numbering; classes that the student lacks are left out."""
        found = detector.predict(detector(batch.images), confidence, self.iou)
        if detector.class_names == self.student.class_names:
            return found
        labels = match_classes(detector.class_names, self.student.class_names)
        return [each.renumbered(labels) for each in found]
