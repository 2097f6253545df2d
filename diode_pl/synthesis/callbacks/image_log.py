"""Logging of images."""

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.loggers import TensorBoardLogger, WandbLogger

from diode_pl.io.images import make_grid, to_pillow
from diode_pl.synthesis.module import Inversion


class ImageLog(pl.Callback):
    """Logs a grid of the images to W&B and TensorBoard at the end of each stage.

    Args:
        limit: maximum number of images, >= 1.

    Raises:
        ValueError: if ``limit`` is below 1.

    Example:
        >>> ImageLog(limit=16).limit
        16
    """

    def __init__(self, limit: int = 32) -> None:
        if limit < 1:
            raise ValueError(f"limit must be >= 1, got {limit}")
        self.limit = limit

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Inversion)
        if pl_module.images is None:
            return
        for logger in pl_module.loggers:
            if not isinstance(logger, WandbLogger | TensorBoardLogger):
                continue
            picture = make_grid([to_pillow(image) for image in pl_module.images[: self.limit]], columns=8)
            name = f"images/stage{pl_module.stage_index}"
            if isinstance(logger, WandbLogger):
                logger.log_image(name, [picture], step=pl_module.global_step)
            else:
                logger.experiment.add_image(name, np.array(picture), pl_module.global_step, dataformats="HWC")
