"""Images on dashboards: the finished ones, and how a few of them come about."""

import pytorch_lightning as pl
import torch

from diode_pl.dashboard import open_dashboards
from diode_pl.dashboard.picture import Picture, to_pictures
from diode_pl.detector import Detections
from diode_pl.synthesis.iterations import step_in_set
from diode_pl.synthesis.module import Inversion


class ImageLog(pl.Callback):
    """Shows images with their targets and with what teacher and verifier find in them; without a dashboard, nothing.

    The first images of each finished batch are ``images``; a few of the first batch of this run, every so many
    iterations and at the end of each stage, are ``progress``.

    Args:
        limit: images of each batch, >= 1.
        progress: images that are followed, >= 0.
        every: iterations between two looks at them, >= 1.
        confidence: detections that score less are not shown, in [0, 1].

    Raises:
        ValueError: if a number is out of range.

    Example:
        >>> ImageLog(limit=16).limit
        16
    """

    def __init__(self, limit: int = 16, progress: int = 4, every: int = 50, confidence: float = 0.3) -> None:
        if limit < 1 or progress < 0 or every < 1:
            raise ValueError(f"limit, every and progress must be >= 1, 1 and 0, got {limit}, {every} and {progress}")
        if not 0 <= confidence <= 1:
            raise ValueError(f"confidence must be in [0, 1], got {confidence}")
        self.limit, self.progress, self.every, self.confidence = limit, progress, every, confidence

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Chooses the batch that is followed."""
        assert isinstance(pl_module, Inversion)
        self._dashboards = open_dashboards(trainer)
        self._followed: int | None = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, Inversion)
        if not self._dashboards or not self.progress:
            return
        self._followed = pl_module.batch if self._followed is None else self._followed
        iteration, last = pl_module.iteration, pl_module.stage.steps(pl_module.budget)
        due = iteration in (1, last) or iteration % self.every == 0
        if pl_module.batch == self._followed and due:
            found = {"teacher": _look(pl_module, self.progress)}
            pictures = self._describe(pl_module, self.progress, found)
            self._show("progress", pictures, pl_module, step_in_set(pl_module, iteration))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Shows a finished batch; comes after the verifier, whose detections it shows."""
        assert isinstance(pl_module, Inversion)
        if self._dashboards and pl_module.batch_is_done:
            pictures = self._describe(pl_module, self.limit, pl_module.detections)
            self._show("images", pictures, pl_module, step_in_set(pl_module))

    def _describe(self, module: Inversion, count: int, found: dict[str, list[Detections]]) -> list[Picture]:
        assert module.images is not None and module.batch is not None
        first = module.plan.first_image(module.batch)
        captions = [f"{first + i:08d}" for i in range(min(count, len(module.images)))]  # names of the files
        return to_pictures(module.images[:count], captions, ("targets", module.targets), found, self.confidence)

    def _show(self, name: str, pictures: list[Picture], module: Inversion, step: int) -> None:
        for dashboard in self._dashboards:
            dashboard.log_pictures(name, pictures, module.teacher.class_names, step)


@torch.no_grad()
def _look(module: Inversion, count: int) -> list[Detections]:
    assert module.images is not None
    return module.teacher.predict(module.teacher(module.images[:count]))
