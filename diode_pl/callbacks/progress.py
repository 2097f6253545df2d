"""Where the synthesis stands."""

import sys

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ProgressBar
from tqdm import tqdm

from diode_pl.inversion import Inversion


class SynthesisProgress(ProgressBar):
    """One bar over the whole run: iteration, batch, stage, time left, main loss terms.

    Args:
        refresh: iterations between two updates of the loss terms; reading them waits for the device.
    """

    def __init__(self, refresh: int = 10) -> None:
        super().__init__()
        if refresh < 1:
            raise ValueError(f"callbacks.progress.refresh must be 1 or more, got {refresh}")
        self.refresh = refresh
        self._enabled = True

    def disable(self) -> None:
        """Called on ranks other than the first."""
        self._enabled = False

    def enable(self) -> None:
        """Shows the bar again."""
        self._enabled = True

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Opens the bar over all iterations that this rank will do."""
        assert isinstance(pl_module, Inversion)
        own = len(pl_module.work[trainer.global_rank :: trainer.world_size])
        total = own * sum(stage.steps(pl_module.budget) for stage in pl_module.stages)
        self._bar = tqdm(total=total, unit="it", disable=not self._enabled, file=sys.stderr, dynamic_ncols=True)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Names batch and stage."""
        assert isinstance(pl_module, Inversion)
        if pl_module.batch is None:
            return
        stage = f"stage {pl_module.stage_index + 1}/{len(pl_module.stages)} at {pl_module.stage.resolution} px"
        self._bar.set_description(f"batch {pl_module.batch + 1}/{pl_module.num_batches}, {stage}")

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Moves on by one iteration."""
        assert isinstance(pl_module, Inversion)
        if pl_module.images is None:
            return
        self._bar.update()
        if self._enabled and (batch_idx + 1) % self.refresh == 0:
            terms = {name: f"{float(term):.3g}" for name, term in pl_module.terms.items()}
            self._bar.set_postfix(terms | {"boxes": len(pl_module.current_targets)})

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Closes the bar."""
        self._bar.close()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Leaves the terminal tidy."""
        if hasattr(self, "_bar"):
            self._bar.close()
