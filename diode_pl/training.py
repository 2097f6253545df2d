"""A run of the training, from where it stands to the finished student."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from diode_pl.access_level import as_level, seen_by, seen_in
from diode_pl.data import DetectionData, write_tiled
from diode_pl.distillation import Distillation
from diode_pl.outcome import write_outcome, write_scores
from diode_pl.report import TrainingFolder, best_epoch, read_checkpoint

log = logging.getLogger(__name__)


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
        trainer: of :func:`diode_pl.trainer.distillation_trainer`.
        folder: where everything goes.
        settings: of the run, as plain data; kept with the student.
        fit: False only measures: the student of ``ckpt`` or, without one, as it was given. ``measured.json`` and
            ``measured.png`` tell what came of it.
        ckpt: a checkpoint to go on from, or to measure; left alone where ``folder`` has its own to go on from.
        tiled: writes so many images, joined by the tiling, as a data set with the classes of the training images, and
            trains nothing; 0 trains.

    Returns:
        AP50 of the student, None without validation images.

    Raises:
        ValueError: the parts do not fit each other, one that is needed is not there, or the folder holds another run.
    """
    if data.train is None and (fit or tiled):
        raise ValueError(
            "data@train=none leaves nothing to train on: choose data@train, or measure alone with fit=false"
        )
    if data.val is None and not (fit or tiled):
        raise ValueError("fit=false measures on validation images, and there are none: choose data@val")
    if tiled:
        assert data.train is not None
        names = data.train.class_names
        level = as_level(seen_in(data, labels=bool(names)))
        write_tiled(data.training_set(), tiled, data.seed, folder, names, level, settings)
        return None
    distillation.prepare(data)
    given = None if ckpt is None else _given(Path(ckpt), distillation)
    if not fit:
        if given is not None:
            distillation.load_state_dict(given["state_dict"])
            distillation.data_access = given["distillation"].get("data_access", [])
        return _measure(distillation, data, trainer, _Measurement(data, Path(folder), ckpt))
    distillation.data_access = sorted(seen_by(distillation, data))
    if distillation.teacher is not None:
        settings = dict(settings) | {"teacher_sha256": distillation.teacher.fingerprint()}
    run = TrainingFolder(folder, settings)
    start, done = run.checkpoint or ckpt, run.epochs_done
    if run.checkpoint is not None and ckpt is not None and not run.checkpoint.samefile(ckpt):
        log.warning("ckpt=%s is left alone: %s has a checkpoint of its own", ckpt, run.folder)
    assert trainer.max_epochs is not None
    if done >= trainer.max_epochs:
        log.info("%s: its %d epochs are done", run.folder, done)
    else:
        behind = done if run.checkpoint or given is None else len(given["distillation"]["history"])
        if behind >= trainer.max_epochs:
            raise ValueError(
                f"ckpt: {ckpt} has {behind} epochs behind it, which trainer.max_epochs={trainer.max_epochs} counts: a "
                "larger one goes on, fit=false measures"
            )
        if start is not None:
            log.info("goes on from %s", start)
        trainer.callbacks.extend(_checkpoints(run, data))  # type: ignore[attr-defined]
        try:
            trainer.fit(distillation, datamodule=data, ckpt_path=start)
        except BaseException:
            log.warning("%s: stopped; the same command goes on after the last finished epoch", run.folder)
            raise
    if not trainer.is_global_zero:
        return None
    # From the file: processes that were started for the training kept their student to themselves.
    state = run.state()
    distillation.load_state_dict(state["state_dict"])
    distillation.on_load_checkpoint(state)
    return write_outcome(distillation.cpu(), data, run.folder)


def _checkpoints(run: TrainingFolder, data: DetectionData) -> list[ModelCheckpoint]:
    """The last state under ``student.ckpt``, the best one beside it; both at the end of an epoch."""
    options: dict[str, Any] = {"dirpath": run.folder, "save_on_train_epoch_end": True, "enable_version_counter": False}
    # All are kept, under one name: Lightning would remove the last one of another folder that it was resumed from.
    last = ModelCheckpoint(filename="student", save_top_k=-1, **options)
    if data.val is None:
        return [last]
    best = ModelCheckpoint(filename="best", monitor="val/AP50", mode="max", **options)
    before = best_epoch(run.folder) if run.checkpoint is not None else None
    if before is not None:
        # Of a folder that was moved Lightning forgets what its best is, and would write over it.
        path, score = best.format_checkpoint_name({}), torch.tensor(before["AP50"])
        best.best_k_models, best.best_model_score = {path: score}, score
        best.kth_best_model_path, best.kth_value = path, score
    return [best, last]


def _given(ckpt: Path, distillation: Distillation) -> dict[str, Any]:
    if not ckpt.is_file():
        raise ValueError(f"ckpt: {ckpt.resolve()} does not exist")
    content = read_checkpoint(ckpt)
    there, here = (
        {name: tuple(value.shape) for name, value in state.items()}
        for state in (content["state_dict"], distillation.state_dict())
    )
    unlike = sorted(name for name in there.keys() | here.keys() if there.get(name) != here.get(name))
    if unlike:
        raise ValueError(
            f"ckpt: {ckpt} holds another student, {len(unlike)} tensors differ; {unlike[0]} is {there.get(unlike[0])} "
            f"there and {here.get(unlike[0])} here. detector@student must be the one that it was made with"
        )
    return content


class _Measurement(pl.Callback):
    """Writes what was measured, in the process that knows it."""

    def __init__(self, data: DetectionData, folder: Path, ckpt: str | Path | None) -> None:
        self.data, self.folder = data, folder
        self.ckpt = ckpt

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Distillation)
        if trainer.is_global_zero:
            # What a student that comes without a checkpoint has seen is not known.
            level = as_level(pl_module.data_access) if pl_module.data_access else None
            facts = {"checkpoint": None if self.ckpt is None else str(self.ckpt), "data_access": level}
            names = ("measured.json", "measured.png")  # not those of a training in the same folder
            write_scores(pl_module, self.data, self.folder, pl_module.student_scores, facts, names)


def _measure(distillation: Distillation, data: DetectionData, trainer: pl.Trainer, writer: pl.Callback) -> float:
    trainer.callbacks.append(writer)  # type: ignore[attr-defined]
    return float(trainer.validate(distillation, datamodule=data, verbose=False)[0]["val/AP50"])
