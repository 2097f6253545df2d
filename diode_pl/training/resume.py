"""A module learns in a folder: from where it stands there to its last epoch."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint

from diode_pl.detector import Detector
from diode_pl.numerics.processes import reraise_process_errors
from diode_pl.training.run_folder import TrainingFolder, read_checkpoint

log = logging.getLogger(__name__)


def fit_or_resume(
    run: TrainingFolder,
    module: pl.LightningModule,
    data: pl.LightningDataModule,
    trainer: pl.Trainer,
    ckpt: str | Path | None = None,
    others: Sequence[pl.Callback] = (),
) -> bool:
    """Trains up to the trainer's last epoch; the module then is on the CPU, in the state of the folder's checkpoint.

    Args:
        run: keeps the state after every epoch.
        module: what is trained.
        data: what it is trained on.
        trainer: of :func:`diode_pl.training.trainer.training_trainer`.
        ckpt: a checkpoint to start from, checked by :func:`read_compatible_checkpoint`; ignored if ``run`` has its own.
        others: callbacks that keep other states, for this training.

    Returns:
        False in a process that has nothing to write.

    Raises:
        ValueError: ``ckpt`` has all epochs behind it.
    """
    start, done = run.checkpoint or ckpt, run.epochs_done
    if run.checkpoint is not None and ckpt is not None and not run.checkpoint.samefile(ckpt):
        log.warning("ckpt=%s is left alone: %s has a checkpoint of its own", ckpt, run.folder)
    assert trainer.max_epochs is not None
    if done >= trainer.max_epochs:
        log.info("%s: its %d epochs are done", run.folder, done)
    else:
        behind = done if start is None or run.checkpoint else len(read_checkpoint(start, run.part)[run.part]["history"])
        if behind >= trainer.max_epochs:
            raise ValueError(
                f"ckpt: {ckpt} has {behind} epochs behind it, which trainer.max_epochs={trainer.max_epochs} counts: a "
                "larger one goes on"
            )
        if start is not None:
            log.info("goes on from %s", start)
        # All are kept, under one name: Lightning would remove the last one of another folder that it was resumed from.
        last = ModelCheckpoint(filename=run.name, save_top_k=-1, **checkpoint_options(run))
        trainer.callbacks.extend([*others, last])  # type: ignore[attr-defined]
        try:
            with reraise_process_errors():
                trainer.fit(module, datamodule=data, ckpt_path=start)
        except BaseException:
            if run.checkpoint is not None:
                log.warning("%s: stopped; the same command goes on after the last finished epoch", run.folder)
            raise
    if not trainer.is_global_zero:
        return False
    # From the file: processes that were started for the training kept what they trained to themselves.
    state = run.state()
    module.load_state_dict(state["state_dict"])
    module.on_load_checkpoint(state)
    module.cpu()
    return True


def checkpoint_options(run: TrainingFolder) -> dict[str, Any]:
    """Where and when Lightning keeps a state: in the folder, at the end of an epoch."""
    return {"dirpath": run.folder, "save_on_train_epoch_end": True, "enable_version_counter": False}


def require_weights(teacher: Detector) -> None:
    """Refuses a teacher that has nothing to teach.

    Raises:
        ValueError: it has random weights.
    """
    if teacher.provenance is None:
        raise ValueError(
            f"teacher.weights: nothing can be learned from a teacher {describe_random_weights(teacher)}. Give "
            "teacher.weights=FILE; detector@student=NAME detector@teacher=none distill=detection trains it first, on "
            "labels"
        )


def describe_random_weights(detector: Detector) -> str:
    """What a message says of a detector whose ``provenance`` is None."""
    name = type(detector).__name__
    return f"({name}) with random weights (a detector of your own that has loaded its weights says so in provenance)"


def read_compatible_checkpoint(
    ckpt: str | Path, module: pl.LightningModule, part: str, must: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    """What a checkpoint holds that a module is to go on from.

    Args:
        ckpt: as it was given.
        module: whose weights must be of the same names and shapes.
        part: see :func:`diode_pl.training.run_folder.read_checkpoint`.
        must: how names of tensors begin that are compared, the rest is not; each with what is another where they
            differ, and with the way out.

    Raises:
        ValueError: there is no such file, it is damaged, or it does not fit.
    """
    if not Path(ckpt).is_file():
        raise ValueError(f"ckpt: {Path(ckpt).resolve()} does not exist")
    content = read_checkpoint(ckpt, part)
    there, here = (
        {name: tuple(value.shape) for name, value in state.items()}
        for state in (content["state_dict"], module.state_dict())
    )
    names = sorted(name for name in there.keys() | here.keys() if there.get(name) != here.get(name))
    for start, (another, way_out) in must.items():
        if unlike := [name for name in names if name.startswith(start)]:
            raise ValueError(
                f"ckpt: {ckpt} is of another {another}, {len(unlike)} tensors differ; {unlike[0]} is "
                f"{there.get(unlike[0], 'not')} there and {here.get(unlike[0], 'not')} here. {way_out}"
            )
    return content
