"""A run of the training, from where it stands to the finished student."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint

from diode_pl.data import DetectionData, write_tiled
from diode_pl.distillation import Distillation
from diode_pl.outcome import access_level, write_outcome, write_scores
from diode_pl.report import TrainingFolder, read_checkpoint

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
        data: what to train on.
        trainer: of :func:`diode_pl.trainer.distillation_trainer`.
        folder: where everything goes.
        settings: of the run, as plain data; kept with the student.
        fit: False only measures: the student of ``ckpt`` or, without one, as it was given. ``measured.json`` and
            ``measured.png`` tell what came of it.
        ckpt: a checkpoint to go on from, or to measure.
        tiled: writes so many images, joined by the tiling, as a data set, and trains nothing; 0 trains.

    Returns:
        AP50 of the student, None without validation images.

    Raises:
        ValueError: the parts do not fit each other, or the folder holds another run.
    """
    distillation.prepare(data)
    given = None if ckpt is None else _given(Path(ckpt), distillation)
    if tiled:
        images, names = data.training_set(), distillation.student.class_names
        write_tiled(images, tiled, data.seed, folder, names, access_level(distillation, data), settings)
        return None
    if not fit:
        if given is not None:
            distillation.load_state_dict(given["state_dict"])
        return _measure(distillation, data, trainer, _Measurement(data, Path(folder), ckpt))
    if distillation.teacher is not None:
        settings = dict(settings) | {"teacher_sha256": distillation.teacher.fingerprint()}
    run = TrainingFolder(folder, settings)
    start, done = run.checkpoint or ckpt, run.epochs_done
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
        trainer.callbacks.extend(_checkpoints(run.folder, data))  # type: ignore[attr-defined]
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


def _checkpoints(folder: Path, data: DetectionData) -> list[ModelCheckpoint]:
    """The last state under ``student.ckpt``, the best one beside it; both at the end of an epoch."""
    options: dict[str, Any] = {"dirpath": folder, "save_on_train_epoch_end": True, "enable_version_counter": False}
    # All are kept, under one name: Lightning would remove the last one of another folder that it was resumed from.
    last = ModelCheckpoint(filename="student", save_top_k=-1, **options)
    if data.val is None:
        return [last]
    return [ModelCheckpoint(filename="best", monitor="val/AP50", mode="max", **options), last]


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
        self.facts = {"checkpoint": None if ckpt is None else str(ckpt)}

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Distillation)
        if trainer.is_global_zero:
            names = ("measured.json", "measured.png")  # not those of a training in the same folder
            write_scores(pl_module, self.data, self.folder, pl_module.student_scores, self.facts, names)


def _measure(distillation: Distillation, data: DetectionData, trainer: pl.Trainer, writer: pl.Callback) -> float:
    if data.val is None:
        raise ValueError("fit=false measures on validation images, and there are none: choose data@val")
    trainer.callbacks.append(writer)  # type: ignore[attr-defined]
    return float(trainer.validate(distillation, datamodule=data, verbose=False)[0]["val/AP50"])
