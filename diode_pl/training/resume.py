"""Training that resumes from the run folder's checkpoint."""

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
    """Trains up to the trainer's last epoch, then loads the folder's checkpoint into ``module``, on the CPU.

    Args:
        run: stores a checkpoint after every epoch; training resumes from it if it exists.
        module: the module to train.
        data: its data.
        trainer: from :func:`diode_pl.training.trainer.training_trainer`.
        start: a checkpoint to start from; ignored if ``run`` has its own.
        callbacks: additional callbacks.

    Returns:
        Whether this is the main process, which writes the results.

    Raises:
        ValueError: if ``start`` has already reached the last epoch.
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
            log.info("resuming from %s", start.path)
        trainer.callbacks.extend([*callbacks, run.keep_last()])  # type: ignore[attr-defined]
        try:
            with reraise_process_errors():
                trainer.fit(module, datamodule=data, ckpt_path=None if start is None else start.path)
        except BaseException:
            if run.path.is_file():
                log.warning("%s: stopped; the same command resumes after the last finished epoch", run.folder)
            raise
        # From the file: spawned processes do not return their weights.
        final = run.read_checkpoint() if trainer.is_global_zero else None
    if not trainer.is_global_zero:
        return False
    assert final is not None
    final.restore(module)
    return True
