"""The end of a training whose folder vanishes."""

import time
from pathlib import Path

import pytorch_lightning as pl

_PAUSE = 2.0  # seconds between two looks


class FolderWatch(pl.Callback):
    """Raises a FileNotFoundError once the file that marks a run in its folder is no longer there.

    Args:
        mark: the file.

    Example:
        >>> watch = FolderWatch(Path("runs/student/.lock"))
    """

    def __init__(self, mark: Path) -> None:
        self.mark, self._looked = mark, time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        if time.monotonic() - self._looked > _PAUSE:
            self.look()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Looks before a checkpoint would make the folder anew."""
        self.look()

    def look(self) -> None:
        """Raises the error if the file is gone."""
        self._looked = time.monotonic()
        if not self.mark.exists():
            raise FileNotFoundError(
                f"folder: {self.mark.parent} has vanished while a training wrote to it, or {self.mark} in it; where "
                "its checkpoint is moved back, the same command goes on from there"
            )
