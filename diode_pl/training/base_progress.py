"""What the progress of a synthesis and that of a training have in common."""

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ProgressBar

from diode_pl.training.progress_line import ProgressLine


class RunProgress(ProgressBar):
    """Base class of callbacks that show where a run stands, see :class:`ProgressLine`.

    Args:
        refresh: steps between two updates, >= 1; each triggers a device sync.

    Raises:
        ValueError: if ``refresh`` is below 1.

    Example:
        >>> RunProgress(refresh=50).refresh
        50
    """

    def __init__(self, refresh: int = 10) -> None:
        super().__init__()
        if refresh < 1:
            raise ValueError(f"refresh must be >= 1, got {refresh}")
        self.refresh, self._enabled, self._line = refresh, True, ProgressLine()

    def disable(self) -> None:
        self._enabled = False

    def enable(self) -> None:
        self._enabled = True

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._line.close()
