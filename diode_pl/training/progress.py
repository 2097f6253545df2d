"""Progress of a training."""

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.trainer.states import TrainerFn

from diode_pl.training.base_progress import RunProgress
from diode_pl.training.time_budget import UNPLANNED


class TrainingProgress(RunProgress):
    """One bar over all epochs: the epoch, the time that is left, loss and last score; see :class:`ProgressLine`.

    Args:
        refresh: steps between two updates, >= 1; each triggers a device sync.

    Raises:
        ValueError: if ``refresh`` is below 1.

    Example:
        >>> TrainingProgress(refresh=50).refresh
        50
    """

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        steps, epochs = int(trainer.num_training_batches), trainer.max_epochs or 1
        if self._enabled and ((batch_idx + 1) % self.refresh == 0 or batch_idx + 1 == steps):
            values = {name: float(value) for name, value in trainer.progress_bar_metrics.items()}
            done = trainer.current_epoch * steps + batch_idx + 1
            if epochs == UNPLANNED:  # of a time budget, which plans within the first epoch
                self._line.update(done, steps, "epoch 1", values)
            else:
                what = f"epoch {trainer.current_epoch + 1}/{epochs}"
                self._line.update(done, max(epochs * steps, done), what, values)

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Shows a measurement that is a run of its own; those between epochs are part of the training."""
        if self._enabled and trainer.state.fn == TrainerFn.VALIDATING:
            self._line.update(batch_idx + 1, int(sum(trainer.num_val_batches)), "measuring", {})

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._line.close()
