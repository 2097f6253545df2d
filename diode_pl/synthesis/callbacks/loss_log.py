"""Logging of loss terms."""

import math
import time

import pytorch_lightning as pl

from diode_pl.dashboard import log_numbers
from diode_pl.synthesis.iterations import step_in_set
from diode_pl.synthesis.module import Inversion


class LossLog(pl.Callback):
    """Logs the terms of the objective, and how fast images are made.

    Raw terms and the weighted total are ``loss/<name>``, the part of a term in the total, with its factor, is
    ``share/<name>``; with them come learning rate, boxes, batch and stage, and at the end of a batch seconds per image.

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
        last = pl_module.iteration == pl_module.stage.steps(pl_module.budget)
        if not (pl_module.iteration % self.every == 0 or last):
            return
        values = pl_module.term_values()
        entry = {f"loss/{name}": value for name, value in values.items()}
        broken = [name for name, value in entry.items() if not math.isfinite(value)]
        if broken:
            raise FloatingPointError(
                f"{', '.join(broken)} is not finite at iteration {pl_module.iteration} of batch {pl_module.batch}; "
                "try the precision 32-true, a lower learning rate or lower weights"
            )
        assert pl_module.batch is not None
        entry |= {f"share/{name}": part for name, part in pl_module.objective.shares(values).items()}
        entry |= {"lr": float(pl_module.scheduler.get_last_lr()[0]), "boxes": float(len(pl_module.current_targets))}
        entry |= {"batch": float(pl_module.batch), "stage": float(pl_module.stage_index)}
        log_numbers(pl_module.loggers, entry, step_in_set(pl_module, pl_module.iteration))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Inversion)
        if pl_module.batch_is_done:
            seconds = (time.perf_counter() - pl_module.started) / pl_module.initial.batch_size
            log_numbers(pl_module.loggers, {"seconds_per_image": seconds}, step_in_set(pl_module))
