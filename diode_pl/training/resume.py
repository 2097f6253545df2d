"""Trains from where a folder stands to the last epoch."""

import logging
from collections.abc import Sequence

import pytorch_lightning as pl

from diode_pl.numerics.processes import reraise_process_errors
from diode_pl.training.checkpoint import Checkpoint
from diode_pl.training.run_folder import RunFolder

log = logging.getLogger(__name__)


def fit_or_resume(
    run: RunFolder,
    module: pl.LightningModule,
    data: pl.LightningDataModule,
    trainer: pl.Trainer,
    start: Checkpoint | None = None,
    callbacks: Sequence[pl.Callback] = (),
) -> bool:
    """Trains up to the trainer's last epoch; the module then is on the CPU, in the state of the folder's checkpoint.

    Args:
        run: keeps the state after every epoch; its own checkpoint is where the training is taken up again.
        module: what is trained.
        data: what it is trained on.
        trainer: of :func:`diode_pl.training.trainer.training_trainer`.
        start: a checkpoint to start from; ignored if ``run`` has its own.
        callbacks: more of them, for this training.

    Returns:
        False in a process that has nothing to write.

    Raises:
        ValueError: ``start`` has reached the last epoch already.
    """
    last, final = trainer.max_epochs, run.read_checkpoint()
    assert last is not None
    if final is not None and start is not None and not final.path.samefile(start.path):
        log.warning("ckpt: %s is left alone: %s has a checkpoint of its own", start.path, run.folder)
    if final is not None and final.epochs >= last:
        log.info("%s: its %d epochs are done", run.folder, final.epochs)
    else:
        start = final or start
        if start is not None and start.epochs >= last:
            raise ValueError(
                f"max_epochs={last} counts the {start.epochs} epochs that {start.path} has behind it: a larger one "
                "goes on"
            )
        if start is not None:
            log.info("goes on from %s", start.path)
        trainer.callbacks.extend([*callbacks, run.keep_last()])  # type: ignore[attr-defined]
        try:
            with reraise_process_errors():
                trainer.fit(module, datamodule=data, ckpt_path=None if start is None else start.path)
        except BaseException:
            if run.path.is_file():
                log.warning("%s: stopped; the same command goes on after the last finished epoch", run.folder)
            raise
        # From the file: processes that were started for the training kept what they trained to themselves.
        final = run.read_checkpoint() if trainer.is_global_zero else None
    if not trainer.is_global_zero:
        return False
    assert final is not None
    final.restore(module)
    return True
