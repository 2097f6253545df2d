"""The job that trains, or resumes training, a student."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from diode_pl.dashboard import RunCard, recorded
from diode_pl.distillation.module import Distillation
from diode_pl.distillation.report import write_report
from diode_pl.distillation.results import RESULTS, show_sets, show_student
from diode_pl.training.checkpoint import Checkpoint
from diode_pl.training.precision import record_precision
from diode_pl.training.run_folder import RunFolder, require_own_folder

# Layers of losses depend on both detectors; a student alone does not.
_MUST_MATCH = {
    "student.": ("student", "Use the same student"),
    "objective.": ("objective", "Use the same losses and teacher, or start again from its student.safetensors"),
}


def distill(
    module: Distillation,
    trainer: pl.Trainer,
    folder: str | Path,
    settings: Mapping[str, Any],
    ckpt: str | Path | None = None,
) -> float | None:
    """Trains a student, or resumes the run in the same folder, and writes its report.

    Args:
        module: student, teacher, losses and data.
        trainer: from :func:`diode_pl.training.trainer.build_training_trainer`.
        folder: output folder; a training in it is resumed.
        settings: configuration of the run as plain data; stored with the student.
        ckpt: a checkpoint to start from; ignored if ``folder`` has its own.

    Returns:
        AP50 of the student, or None without validation images.

    Raises:
        ValueError: if the teacher has random weights, ``ckpt`` does not fit, or ``folder`` holds a different run or
            the images.
    """
    require_own_folder(folder, settings)
    if module.teacher is not None and module.objective.asks_teacher:
        module.teacher.require_trained("teacher")
    start = None if ckpt is None else Checkpoint.read(ckpt)
    if start is not None:
        start.require_same_shapes(module, _MUST_MATCH)
        start.require_student(module.student)
    with (
        RunFolder(
            folder, record_precision(settings, trainer) | _fingerprints(module), is_main=trainer.is_global_zero
        ) as run,
        recorded(trainer, RunCard("train", run.folder, settings, RESULTS)) as dashboards,
    ):
        for dashboard in dashboards:
            dashboard.add_tags(module.provenance.parts)
        sets = show_sets(dashboards, module.data.train)
        best = [] if module.data.val is None else [run.keep_best()]
        if not run.fit_or_resume(module, module.data, trainer, start, best):
            return None
        score = write_report(module, run.folder)
        show_student(dashboards, run.folder, sets)
        return score


def _fingerprints(module: Distillation) -> dict[str, Any]:
    """Returns the hashes of the weights that teach: a file may change and keep its name."""
    of_losses = {name: loss.fingerprint() for name, loss in module.objective.terms.items()}
    hashes: dict[str, Any] = {"distill_sha256": {name: value for name, value in of_losses.items() if value is not None}}
    return hashes if module.teacher is None else hashes | {"teacher_sha256": module.teacher.fingerprint()}
