"""The Lightning trainer of the synthesis, with independent ranks."""

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from pytorch_lightning.strategies import DDPStrategy

from diode_pl.numerics.processes import prepare_process
from diode_pl.numerics.termination import end_on_sigterm
from diode_pl.training.trainer import StartMethod, build_trainer


class IndependentRanks(DDPStrategy):
    """Several processes without communication: no module is wrapped, nothing is broadcast or averaged.

    Plain DDP would start every rank from rank 0's images and average their gradients. There is no process group either:
    with one, Lightning broadcasts a flag in every step and waits for it.

    Args:
        threads: CPU threads per process. It must not depend on the number of processes: the order of a sum depends on
            the threads, and the last bits of every image on that order.
        options: passed to Lightning's DDPStrategy.
    """

    def __init__(self, threads: int, **options: Any) -> None:
        super().__init__(**options)
        self.threads = threads

    def setup_environment(self) -> None:
        """Selects device and rank."""
        super().setup_environment()
        torch.set_num_threads(self.threads)
        prepare_process()
        end_on_sigterm()

    def setup_distributed(self) -> None:
        """Sets the rank without a process group."""
        self.set_world_ranks()

    def configure_ddp(self) -> None:
        """Does not wrap the module."""


def build_synthesis_trainer(
    callbacks: Mapping[str, pl.Callback | None],
    logger: Mapping[str, Logger | None],
    accelerator: str = "auto",
    devices: int = 1,
    num_nodes: int = 1,
    precision: int | str = "32-true",
    start_method: StartMethod = "spawn",
) -> pl.Trainer:
    """Builds the trainer of a synthesis; arguments as in :func:`diode_pl.training.trainer.build_trainer`.

    Raises:
        ValueError: if ``devices`` or ``num_nodes`` is below 1.
    """
    if devices < 1 or num_nodes < 1:
        raise ValueError(f"devices and num_nodes must be >= 1, got {devices} and {num_nodes}")
    return build_trainer(
        callbacks,
        logger,
        IndependentRanks(torch.get_num_threads(), start_method=start_method),
        start_method,
        accelerator=accelerator,
        devices=devices,
        num_nodes=num_nodes,
        precision=precision,
        max_epochs=-1,  # the module stops when no batch is left
        reload_dataloaders_every_n_epochs=1,
        limit_val_batches=0,
    )
