"""Validations on dashboards: predictions, scores of each class, and the teacher's score as a line."""

from typing import Any

import pytorch_lightning as pl
import torch

from diode_pl.dashboard import log_numbers, open_dashboards
from diode_pl.dashboard.picture import Picture, to_pictures
from diode_pl.data import Batch
from diode_pl.distillation.evaluation import Evaluation
from diode_pl.distillation.module import Distillation

CHARTED = ("AP50", "AP")
COLUMNS = ("AP50", "AP", "AP75", "precision", "recall", "F1", "truths")


class ValidationLog(pl.Callback):
    """Shows each validation: the same first images with truth, teacher and student, a table of classes, and charts.

    The teacher's scores are logged as ``teacher/<name>`` beside the student's ``val/<name>``.

    Args:
        images: number of them that are shown, >= 0; without a dashboard none are.
        confidence: detections that score less are not shown, in [0, 1].

    Raises:
        ValueError: if a number is out of range.

    Example:
        >>> ValidationLog(images=4).images
        4
    """

    def __init__(self, images: int = 8, confidence: float = 0.3) -> None:
        if images < 0:
            raise ValueError(f"images must be >= 0, got {images}")
        if not 0 <= confidence <= 1:
            raise ValueError(f"confidence must be in [0, 1], got {confidence}")
        self.images, self.confidence = images, confidence
        self._pictures = list[Picture]()

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._pictures = []

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Looks at the first images, while the averaged weights are in place."""
        missing = self.images - len(self._pictures)
        if isinstance(pl_module, Evaluation) and missing > 0 and open_dashboards(trainer):
            self._pictures += self._look(pl_module, batch, missing)

    @torch.no_grad()
    def _look(self, module: Evaluation, batch: Batch, count: int) -> list[Picture]:
        detectors = {"teacher": module.teacher, "student": module.student}
        found = {
            who: module.predict_with(detector, batch, self.confidence)
            for who, detector in detectors.items()
            if detector is not None
        }
        first = len(self._pictures)
        captions = [f"{first + i:04d}" for i in range(min(count, len(batch.images)))]
        return to_pictures(batch.images, captions, ("truth", batch.targets), found, self.confidence)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Shows what this validation found."""
        if not isinstance(pl_module, Evaluation) or not pl_module.student_scores:
            return
        step, teacher = trainer.global_step, pl_module.teacher_scores
        if teacher:
            log_numbers(trainer.loggers, {f"teacher/{name}": value for name, value in teacher.items()}, step)
        rows = [[name, *(scores.get(key) for key in COLUMNS)] for name, scores in pl_module.per_class.items()]
        for dashboard in open_dashboards(trainer):
            if self._pictures:
                dashboard.log_pictures("predictions", self._pictures, pl_module.student.class_names, step)
            dashboard.log_table("per_class", ["class", *COLUMNS], rows, step)
            if isinstance(pl_module, Distillation):
                for name in CHARTED:
                    dashboard.log_chart(name, _lines(pl_module, name, trainer.current_epoch), step)


def _lines(module: Distillation, name: str, epoch: int) -> dict[str, list[tuple[float, float]]]:
    past = [(entry["epoch"], entry[f"val/{name}"]) for entry in module.history if f"val/{name}" in entry]
    points = [*past, (float(epoch), module.student_scores[name])]
    lines = {f"val/{name}": points}
    if module.teacher_scores:
        lines[f"teacher/{name}"] = [(at, module.teacher_scores[name]) for at, _ in points]
    return lines
