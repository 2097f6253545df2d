"""What the two trainers have in common."""

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ProgressBar
from pytorch_lightning.loggers import Logger


def trainer_options(callbacks: Mapping[str, pl.Callback | None], logger: Mapping[str, Logger | None]) -> dict[str, Any]:
    """Options of a Lightning trainer whose modules log, save and share out the images themselves.

    Args:
        callbacks: by name; None leaves one out. There is a progress bar only where one is among them.
        logger: by name; None leaves one out.
    """
    named = [callback for callback in callbacks.values() if callback is not None]
    return {
        "callbacks": named,
        "enable_progress_bar": any(isinstance(callback, ProgressBar) for callback in named),
        "logger": [each for each in logger.values() if each is not None] or False,
        "log_every_n_steps": 1,
        "use_distributed_sampler": False,
        "enable_checkpointing": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
    }
