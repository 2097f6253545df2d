"""Logging of loss terms."""

import math

import pytorch_lightning as pl

from diode_pl.synthesis.module import Inversion


class LossLog(pl.Callback):
    """Logs the raw terms and the weighted total as ``loss/<name>``, with learning rate, boxes, batch and stage.

    Args:
        every: iterations between two entries, >= 1; each entry triggers a device sync.

    Raises:
        ValueError: if ``every`` is below 1.

    Example:
        >>> LossLog(every=100).every
        100
    """

    def __init__(self, every: int = 50) -> None:
        if every < 1:
            raise ValueError(f"every must be >= 1, got {every}")
        self.every = every

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Logs the terms; raises a FloatingPointError if one is infinite or NaN."""
        assert isinstance(pl_module, Inversion)
        last = batch_idx + 1 == trainer.num_training_batches
        if not ((batch_idx + 1) % self.every == 0 or last):
            return
        entry = {f"loss/{name}": value for name, value in pl_module.term_values().items()}
        broken = [name for name, value in entry.items() if not math.isfinite(value)]
        if broken:
            raise FloatingPointError(
                f"{', '.join(broken)} is not finite at iteration {batch_idx + 1} of batch {pl_module.batch}; "
                "try the precision 32-true, a lower learning rate or lower weights"
            )
        assert pl_module.batch is not None
        entry |= {"lr": pl_module.learning_rate, "boxes": float(len(pl_module.current_targets))}
        entry |= {"batch": float(pl_module.batch), "stage": float(pl_module.stage_index)}
        for logger in pl_module.loggers:
            logger.log_metrics(entry, pl_module.global_step)
