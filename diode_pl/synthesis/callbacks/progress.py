"""Progress bar of the synthesis."""

import sys
from operator import length_hint

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ProgressBar
from tqdm import tqdm

from diode_pl.synthesis.module import Inversion
from diode_pl.synthesis.schedule import Stage


class SynthesisProgress(ProgressBar):
    """One bar over the whole run: batch, stage, iteration, remaining time, loss terms.

    Iterations are weighted by their pixels, so that the remaining time is right for a growing resolution.

    Args:
        refresh: iterations between two updates of the loss terms, >= 1; each update triggers a device sync.

    Raises:
        ValueError: if ``refresh`` is below 1.

    Example:
        >>> SynthesisProgress(refresh=50).refresh
        50
    """

    def __init__(self, refresh: int = 10) -> None:
        super().__init__()
        if refresh < 1:
            raise ValueError(f"refresh must be >= 1, got {refresh}")
        self.refresh, self._enabled = refresh, True

    def disable(self) -> None:
        self._enabled = False

    def enable(self) -> None:
        self._enabled = True

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        shape = "{desc}{percentage:3.0f}%|{bar}| {elapsed} < {remaining}{postfix}"
        self._bar = tqdm(total=0, disable=not self._enabled, file=sys.stderr, dynamic_ncols=True, bar_format=shape)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Reckons what is left, which other processes share."""
        assert isinstance(pl_module, Inversion)
        if pl_module.stage_index == 0:
            batches = 1 + -(-length_hint(pl_module.ahead) // trainer.world_size)
            each = sum(_pixels(stage) * stage.steps(pl_module.budget) for stage in pl_module.stages)
            self._bar.total = self._bar.n + batches * each

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, Inversion)
        if not self._enabled:
            return
        stage, steps = pl_module.stage, pl_module.stage.steps(pl_module.budget)
        self._bar.update(_pixels(stage))
        if (batch_idx + 1) % self.refresh == 0 or batch_idx + 1 == steps:
            self._bar.set_description(
                f"batch {(pl_module.batch or 0) + 1}/{pl_module.plan.num_batches}, "
                f"stage {pl_module.stage_index + 1}/{len(pl_module.stages)} at {stage.resolution} px, "
                f"iteration {batch_idx + 1}/{steps}",
                refresh=False,
            )
            terms = {name: f"{term:.3g}" for name, term in pl_module.term_values().items()}
            self._bar.set_postfix(terms | {"boxes": len(pl_module.current_targets)})

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._bar.close()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        if hasattr(self, "_bar"):
            self._bar.close()


def _pixels(stage: Stage) -> int:
    return stage.resolution**2
