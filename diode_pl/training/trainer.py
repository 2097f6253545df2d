"""The Lightning trainer of all trainings: ranks share each batch."""

import io
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.callbacks import ProgressBar
from pytorch_lightning.loggers import Logger
from pytorch_lightning.plugins.io import TorchCheckpointIO
from pytorch_lightning.strategies import DDPStrategy

from diode_pl.io.atomic import atomic_write
from diode_pl.numerics.processes import prepare_process
from diode_pl.numerics.termination import end_on_sigterm
from diode_pl.training.precision import resolve_precision
from diode_pl.training.previous import keep_previous
from diode_pl.training.time_budget import UNPLANNED, TimeBudget, parse_minutes

log = logging.getLogger(__name__)

StartMethod = Literal["spawn", "fork", "forkserver", "popen"]


class SyncedDDP(DDPStrategy):
    """Data-parallel training in several processes, each on its part of every batch."""

    def setup_environment(self) -> None:
        """Joins the process group; only rank 0 logs."""
        prepare_process()
        end_on_sigterm()
        super().setup_environment()
        if self.global_rank == 0:  # a spawned process does not inherit its parent's logging
            logging.basicConfig(level=logging.INFO, format="%(message)s")


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes checkpoints so that neither a stopped process nor a machine without power loses the last whole one."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Writes to a file next to ``path``, to the disk too, then renames it; keeps the one before it."""
        content = io.BytesIO()
        torch.save(checkpoint, content)
        keep_previous(Path(path))
        atomic_write(Path(path), content.getvalue(), sync=True)


def build_training_trainer(
    callbacks: Mapping[str, pl.Callback | None],
    logger: Mapping[str, Logger | None],
    max_epochs: int,
    accelerator: str = "auto",
    devices: int = 1,
    num_nodes: int = 1,
    precision: int | str = "32-true",
    gradient_clip_val: float | None = None,
    check_val_every_n_epoch: int = 1,
    start_method: StartMethod = "spawn",
    max_time: int | float | str | None = None,
) -> pl.Trainer:
    """Builds the trainer; several processes share each batch.

    Args:
        max_epochs: number of epochs, >= 1; ignored if ``max_time`` is given.
        gradient_clip_val: maximum 2-norm of all gradients, > 0; None does not clip.
        check_val_every_n_epoch: epochs between validations, >= 1.
        max_time: minutes, or ``HH:MM:SS``, that the training takes, see :class:`TimeBudget`.
        callbacks, logger, accelerator, devices, num_nodes, precision, start_method: see :func:`build_trainer`.

    Raises:
        ValueError: if a number is out of range, or ``max_time`` is not a time.
    """
    if max_time is not None:
        callbacks, max_epochs = {**callbacks, "time_budget": TimeBudget(parse_minutes(max_time))}, UNPLANNED
    if min(devices, num_nodes, max_epochs, check_val_every_n_epoch) < 1:
        raise ValueError(
            "devices, num_nodes, max_epochs and check_val_every_n_epoch must be >= 1, got "
            f"{devices}, {num_nodes}, {max_epochs} and {check_val_every_n_epoch}"
        )
    if gradient_clip_val is not None and not gradient_clip_val > 0:
        raise ValueError(f"gradient_clip_val must be > 0 or None, got {gradient_clip_val}")
    return build_trainer(
        callbacks,
        logger,
        SyncedDDP(start_method=start_method),
        start_method,
        accelerator=accelerator,
        devices=devices,
        num_nodes=num_nodes,
        precision=precision,
        max_epochs=max_epochs,
        gradient_clip_val=gradient_clip_val,
        check_val_every_n_epoch=check_val_every_n_epoch,
        plugins=[AtomicCheckpointIO()],
    )


def build_trainer(
    callbacks: Mapping[str, pl.Callback | None],
    logger: Mapping[str, Logger | None],
    strategy: DDPStrategy,
    start_method: StartMethod,
    devices: int,
    num_nodes: int,
    plugins: Sequence[Any] = (),
    **options: Any,
) -> pl.Trainer:
    """Builds a Lightning trainer whose modules log, save and distribute images themselves.

    Args:
        callbacks: callbacks by name; None disables one.
        logger: loggers by name; None disables one.
        strategy: of several processes.
        start_method: of the strategy: ``spawn``, or ``popen`` where torchrun or ``srun`` starts the processes.
        devices: processes per machine, >= 1.
        num_nodes: number of machines, >= 1.
        plugins: of Lightning.
        options: passed to Lightning: ``accelerator`` ``cpu``, ``gpu`` or ``auto``; ``precision`` as of
            :func:`resolve_precision`; ...

    Raises:
        ValueError: if Lightning refuses an option, or the machine has no such devices; the message names it.
    """
    prepare_process()
    enabled = [callback for callback in callbacks.values() if callback is not None]
    options["precision"] = resolve_precision(options["precision"], str(options.get("accelerator", "auto")))
    try:
        return pl.Trainer(
            callbacks=enabled,
            enable_progress_bar=any(isinstance(callback, ProgressBar) for callback in enabled),
            logger=[each for each in logger.values() if each is not None] or False,
            strategy=strategy if devices * num_nodes > 1 else "auto",
            devices=devices,
            num_nodes=num_nodes,
            plugins=[*plugins, *_environment_in_job(start_method)],
            log_every_n_steps=1,
            use_distributed_sampler=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            **options,
        )
    except (MisconfigurationException, RuntimeError, TypeError, ValueError) as error:
        named = [name for name in ("precision", "accelerator", "devices", *options) if name in str(error).lower()]
        raise ValueError(f"{named[0]}: {error}" if named else str(error)) from error


def _environment_in_job(start_method: StartMethod) -> list[LightningEnvironment | SLURMEnvironment]:
    """Within a job of SLURM, where a process learns its number; elsewhere that is Lightning's choice.

    Lightning would take every process in a job for one of srun's, also those that are started here: all of them would
    be number 0 of 1. It would also requeue jobs with checkpoints of its own in the working directory, which every later
    run there would read before ours.
    """
    if TorchElasticEnvironment.detect() or not SLURMEnvironment.detect():
        return []
    return [SLURMEnvironment(auto_requeue=False) if start_method == "popen" else LightningEnvironment()]
