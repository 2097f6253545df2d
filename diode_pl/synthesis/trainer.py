"""The Lightning trainer of a synthesis: its ranks work on images of their own."""

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from pytorch_lightning.strategies import DDPStrategy

from diode_pl.numerics.processes import prepare_process
from diode_pl.training.trainer import trainer_options


class IndependentRanks(DDPStrategy):
    """Several processes that share nothing: no module is wrapped, nothing is broadcast or averaged.

    Plain DDP would start every rank from rank 0's images and average their gradients. And once a process group
    exists, Lightning broadcasts a flag at every step and waits for it: so there is none, on any backend.

    Args:
        threads: CPU threads in each process. As many as one process alone would use: sums are split by threads, and
            with them the last bits of every image.
        options: of Lightning's DDPStrategy.
    """

    def __init__(self, threads: int, **options: Any) -> None:
        super().__init__(**options)
        self.threads = threads

    def setup_environment(self) -> None:
        """Takes a device, a rank and a share of nothing else."""
        super().setup_environment()
        torch.set_num_threads(self.threads)
        prepare_process()

    def setup_distributed(self) -> None:
        """Learns its rank; joins no process group."""
        self.set_world_ranks()

    def configure_ddp(self) -> None:
        """Wraps nothing."""


def synthesis_trainer(
    callbacks: Mapping[str, pl.Callback | None],
    logger: Mapping[str, Logger | None],
    accelerator: str = "auto",
    devices: int = 1,
    num_nodes: int = 1,
    precision: str = "32-true",
    start_method: str = "spawn",
) -> pl.Trainer:
    """Makes the trainer of a synthesis.

    Args:
        callbacks: by name; None leaves one out.
        logger: by name; None leaves one out.
        accelerator: ``cpu``, ``gpu`` or ``auto``.
        devices: processes on this machine.
        num_nodes: machines.
        precision: ``32-true``, ``bf16-mixed`` or ``16-mixed``.
        start_method: how processes start: ``spawn`` from here, or ``popen`` under torchrun or SLURM.

    Raises:
        ValueError: ``devices`` or ``num_nodes`` is below 1.
    """
    if devices < 1 or num_nodes < 1:
        raise ValueError(f"devices and num_nodes must be >= 1, got {devices} and {num_nodes}")
    prepare_process()
    several = devices * num_nodes > 1
    return pl.Trainer(
        accelerator=accelerator,
        devices=devices,
        num_nodes=num_nodes,
        precision=precision,  # type: ignore[arg-type]
        strategy=IndependentRanks(torch.get_num_threads(), start_method=start_method) if several else "auto",
        **trainer_options(callbacks, logger),
        max_epochs=0,  # set from the work that is left
        reload_dataloaders_every_n_epochs=1,
        limit_val_batches=0,
    )
