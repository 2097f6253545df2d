"""What libraries may say, and who listens."""

import logging
import warnings
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ProgressBar
from pytorch_lightning.loggers import Logger


def quiet_libraries() -> None:
    """Keeps to itself what a library says about a run that is as it is meant to be."""
    # Optimisers come with the stages, and the teacher stays in eval mode.
    for message in ("`LightningModule.configure_optimizers` returned", "Found .* in eval mode", ".*treespec"):
        warnings.filterwarnings("ignore", message)
    # A resumed run writes where it did before or elsewhere; not every epoch is measured, and some runs never are.
    for message in ("Checkpoint directory", "The dirpath has changed", "`ModelCheckpoint", "Total length of `list`"):
        warnings.filterwarnings("ignore", message)
    for library in ("pytorch_lightning", "lightning_fabric", "faster_coco_eval", "onnxscript", "onnx_ir", "torch.onnx"):
        logging.getLogger(library).setLevel(logging.WARNING)


def listeners(callbacks: Mapping[str, pl.Callback | None], logger: Mapping[str, Logger | None]) -> dict[str, Any]:
    """Options of a Lightning trainer: who is told of what happens; a progress bar only where one is named.

    Args:
        callbacks: by name; None leaves one out.
        logger: likewise.
    """
    named = [callback for callback in callbacks.values() if callback is not None]
    return {
        "callbacks": named,
        "enable_progress_bar": any(isinstance(callback, ProgressBar) for callback in named),
        "logger": [each for each in logger.values() if each is not None] or False,
    }
