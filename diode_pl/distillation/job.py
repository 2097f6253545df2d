"""A run of the training, from where it stands to the finished student."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from diode_pl.data import DetectionData
from diode_pl.data.synthetic import write_tiled
from diode_pl.distillation.module import Distillation
from diode_pl.distillation.provenance import provenance_of
from diode_pl.distillation.report import write_report, write_scores
from diode_pl.provenance import Provenance
from diode_pl.training.resume import (
    checkpoint_options,
    describe_random_weights,
    fit_or_resume,
    read_compatible_checkpoint,
    require_weights,
)
from diode_pl.training.run_folder import TrainingFolder, best_epoch

log = logging.getLogger(__name__)

_PART = "distillation"
_STUDENT = {"student.": ("student", "detector@student must be the one that it was made with")}
# What losses learn along depends on both detectors; a student alone does not.
_LOSSES = {
    "objective.": (
        "distill",
        "Go on with the distill and detector@teacher that it was made with, or begin a new training from its student "
        "with student.weights=FILE, the student.safetensors beside it",
    )
}


def train(
    distillation: Distillation,
    data: DetectionData,
    trainer: pl.Trainer,
    folder: str | Path,
    settings: Mapping[str, Any],
    fit: bool = True,
    ckpt: str | Path | None = None,
    tiled: int = 0,
) -> float | None:
    """Trains a student, or goes on where an earlier run in the same folder stopped, and writes what is known of it.

    Args:
        distillation: what to train.
        data: what to train on; without training images, only ``fit=False`` works.
        trainer: of :func:`diode_pl.training.trainer.training_trainer`.
        folder: where everything goes.
        settings: of the run, as plain data; kept with the student.
        fit: False only measures: the student of ``ckpt``, whatever losses taught it, or, without one, as it was given.
            ``measured.json`` and ``measured.png`` tell what came of it.
        ckpt: a checkpoint to go on from, or to measure; left alone where ``folder`` has its own to go on from.
        tiled: writes so many images, joined by the tiling, as a data set with the classes of the training images, and
            trains nothing; 0 trains.

    Returns:
        AP50 of the student, None without validation images.

    Raises:
        ValueError: the parts do not fit each other, one that is needed is not there or has random weights, or the
            folder holds another run or the images.
    """
    _check_apart(folder, settings)
    if tiled and not fit:
        raise ValueError(f"fit=false measures, and tiled={tiled} writes training images: leave one of them out")
    if data.train is None and fit:
        raise ValueError(
            "data@train=none leaves nothing to train on: choose data@train, or measure alone with fit=false"
        )
    if data.val is None and not fit:
        raise ValueError("fit=false measures on validation images, and there are none: choose data@val")
    if tiled:
        _write_tiled(data, tiled, folder, settings)
        return None
    _check_weights(distillation, fit, ckpt)
    distillation.prepare(data, learns=fit)
    if not fit:
        if ckpt is not None:
            given = read_compatible_checkpoint(ckpt, distillation, _PART, _STUDENT)
            of_student = {name: value for name, value in given["state_dict"].items() if name.startswith("student.")}
            distillation.student.load_state_dict({n.removeprefix("student."): v for n, v in of_student.items()})
            distillation.provenance = Provenance.parse(given[_PART].get("data_access", ""))
        return _measure(distillation, data, trainer, _Measurement(data, Path(folder), ckpt))
    if ckpt is not None:
        read_compatible_checkpoint(ckpt, distillation, _PART, _STUDENT | _LOSSES)
    distillation.provenance = provenance_of(distillation, data)
    run = TrainingFolder(folder, dict(settings) | _teachers(distillation))
    if not fit_or_resume(run, distillation, data, trainer, ckpt, _best(run, data)):
        return None
    return write_report(distillation, data, run.folder)


def _check_apart(folder: str | Path, settings: Mapping[str, Any]) -> None:
    for key in ("train", "val"):
        root = (settings.get(key) or {}).get("root")
        if root is not None and Path(root).expanduser().resolve() == Path(folder).resolve():
            raise ValueError(
                f"output_dir and {key}.root are the same folder, {folder}: what the run writes would lie among the "
                "images; give output_dir=DIR another"
            )


def _check_weights(distillation: Distillation, fit: bool, ckpt: str | Path | None) -> None:
    teacher, student = distillation.teacher, distillation.student
    if not fit and ckpt is None and student.provenance is None:
        raise ValueError(
            f"fit=false would measure the student {describe_random_weights(student)}: give ckpt=PATH, a checkpoint of "
            "train.py, or student.weights=FILE"
        )
    if fit and teacher is not None and distillation.objective.asks_teacher:
        require_weights(teacher)


def _write_tiled(data: DetectionData, count: int, folder: str | Path, settings: Mapping[str, Any]) -> None:
    assert data.train is not None
    if data.tiling.probabilities[0] == 1:
        log.warning(
            "tiled=%d with tiling=none: every image is written as it is; tiling=fixed tiling.tiles=4 joins four", count
        )
    names = data.train.class_names
    seen = Provenance(teacher=False) | data.provenance.with_labels(read=bool(names))
    write_tiled(data.training_set(), count, data.seed, folder, names, seen, settings)
    log.info("%s: %d tiled images, data access %s", Path(folder) / "images", count, seen)


def _teachers(distillation: Distillation) -> dict[str, Any]:
    """Fingerprints of all that teaches: a file may change and keep its name."""
    brought = {name: loss.fingerprint() for name, loss in distillation.objective.terms.items()}
    found = {"distill_sha256": {name: value for name, value in brought.items() if value is not None}}
    return found if distillation.teacher is None else found | {"teacher_sha256": distillation.teacher.fingerprint()}


def _best(run: TrainingFolder, data: DetectionData) -> list[ModelCheckpoint]:
    """Keeps the best epoch beside the last one, where there is something to measure on."""
    if data.val is None:
        return []
    best = ModelCheckpoint(filename="best", monitor="val/AP50", mode="max", **checkpoint_options(run))
    before = best_epoch(run.folder) if run.checkpoint is not None else None
    if before is not None:
        # Of a folder that was moved Lightning forgets what its best is, and would write over it.
        path, score = best.format_checkpoint_name({}), torch.tensor(before["AP50"])
        best.best_k_models, best.best_model_score = {path: score}, score
        best.kth_best_model_path, best.kth_value = path, score
    return [best]


class _Measurement(pl.Callback):
    """Writes what was measured, in the process that knows it."""

    def __init__(self, data: DetectionData, folder: Path, ckpt: str | Path | None) -> None:
        self.data, self.folder = data, folder
        self.ckpt = ckpt

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Distillation)
        if trainer.is_global_zero:
            seen = pl_module.provenance or pl_module.student.provenance
            facts = {
                "checkpoint": None if self.ckpt is None else str(self.ckpt),
                "data_access": None if seen is None else str(seen),
            }
            names = ("measured.json", "measured.png")  # not those of a training in the same folder
            write_scores(pl_module, self.data, self.folder, pl_module.student_scores, facts, names)
            log.info("%s: %s", self.folder, ", ".join(name for name in names if (self.folder / name).exists()))


def _measure(distillation: Distillation, data: DetectionData, trainer: pl.Trainer, writer: pl.Callback) -> float:
    trainer.callbacks.append(writer)  # type: ignore[attr-defined]
    return float(trainer.validate(distillation, datamodule=data, verbose=False)[0]["val/AP50"])
