"""A training that takes a given time."""

import re
import time
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl

UNPLANNED = 1_000_000  # epochs before the first plan
_FORM = re.compile(r"(?:(\d+):)?(\d+):([0-5]\d):([0-5]\d)")


def parse_minutes(max_time: int | float | str) -> float:
    """Returns minutes, > 0, from a number of minutes or from ``HH:MM:SS`` or ``DD:HH:MM:SS``.

    Raises:
        ValueError: if it is neither, or not above 0.

    Example:
        >>> parse_minutes("00:30:00"), parse_minutes(7.5)
        (30.0, 7.5)
    """
    minutes = max_time
    if isinstance(max_time, str):
        match = _FORM.fullmatch(max_time.strip())
        days, hours, mins, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0, 0)
        minutes = (days * 24 + hours) * 60 + mins + seconds / 60
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 0 < minutes < float("inf"):
        raise ValueError(f"max_time must be minutes > 0, HH:MM:SS or DD:HH:MM:SS, got {max_time!r}")
    return float(minutes)


class TimeBudget(pl.Callback):
    """Sets the number of epochs so that a training with its validations takes a given time.

    Planned anew in steps 8, 16, 32, ... of the first epoch and at the start of each later one, from the seconds of the
    epochs so far, those before an interruption included. Learning rates follow, as they depend on the number of steps.
    The last epoch is a whole one, so a run may take half an epoch more or less, and never less than one epoch.

    Args:
        minutes: of the whole training, > 0.

    Example:
        >>> TimeBudget(minutes=10).epochs([{"seconds": 60.0}, {"seconds": 100.0}])
        8
    """

    def __init__(self, minutes: int | float) -> None:
        self.minutes = minutes
        self._times = dict[int, float]()  # of the steps of the first epoch in which it plans

    def epochs(self, history: Sequence[dict[str, float]]) -> int:
        """Number of epochs that take as long as the budget, at least those of ``history``, which must not be empty."""
        spent = sum(entry["seconds"] for entry in history)
        return max(len(history), self._fit(spent / len(history)))

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Plans from the epochs so far."""
        history: Any = module.history
        if history:
            # This one has begun, and is finished.
            self._plan(trainer, max(len(history) + 1, self.epochs(history)))

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_idx: int) -> None:
        """Plans in some steps of the first epoch, from the later half of the steps before."""
        if trainer.current_epoch == 0 and batch_idx >= 4 and batch_idx.bit_count() == 1:
            self._times[batch_idx] = time.perf_counter()
            if half := self._times.get(batch_idx // 2):
                seconds = (self._times[batch_idx] - half) / (batch_idx // 2)
                self._plan(trainer, max(1, self._fit(seconds * trainer.num_training_batches)))

    def _fit(self, seconds: float) -> int:
        return round(self.minutes * 60 / seconds)

    def _plan(self, trainer: pl.Trainer, epochs: int) -> None:
        # Each process has its own clock, and all must stop together.
        trainer.fit_loop.max_epochs = trainer.strategy.broadcast(epochs)
