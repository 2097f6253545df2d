"""Progress of the synthesis."""

from operator import length_hint

import pytorch_lightning as pl

from diode_pl.synthesis.module import Inversion
from diode_pl.synthesis.schedule import Stage
from diode_pl.training.base_progress import RunProgress


class SynthesisProgress(RunProgress):
    """One bar over the whole run: batch, resolution, the time that is left, loss terms; see :class:`ProgressLine`.

    Iterations are weighted by their pixels, so that the remaining time is right for a growing resolution.

    Args:
        refresh: iterations between two updates, >= 1; each triggers a device sync.

    Raises:
        ValueError: if ``refresh`` is below 1.

    Example:
        >>> SynthesisProgress(refresh=50).refresh
        50
    """

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Reckons what is left, which other processes share."""
        assert isinstance(pl_module, Inversion)
        steps = pl_module.stage.steps(pl_module.budget)
        if not self._enabled or (pl_module.iteration % self.refresh and pl_module.iteration != steps):
            return
        work = [_pixels(stage) * stage.steps(pl_module.budget) for stage in pl_module.stages]
        ahead = -(-length_hint(pl_module.ahead) // trainer.world_size)
        number, batches = (pl_module.batch or 0) + 1, pl_module.plan.num_batches
        before = max(0, batches - 1 - ahead)  # those that are finished, here or elsewhere
        done = before * sum(work) + sum(work[: pl_module.stage_index]) + pl_module.iteration * _pixels(pl_module.stage)
        terms = pl_module.term_values()
        values = {name: terms[name] for name in sorted(terms, key=lambda name: (name != "total", len(name)))}  # room
        what = f"batch {number}/{batches}, {pl_module.stage.resolution} px"
        self._line.update(done, (before + 1 + ahead) * sum(work), what, values)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._line.close()


def _pixels(stage: Stage) -> int:
    return stage.resolution**2
