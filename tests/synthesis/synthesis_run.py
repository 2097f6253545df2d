"""Syntheses of a second, on a tiny network."""

from collections.abc import Sequence
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger

from diode_pl.augmentations import Brightness, Flip, Jitter
from diode_pl.synthesis.initializer import Noise
from diode_pl.synthesis.losses import (
    BatchNormStatistics,
    Detection,
    TotalVariation,
)
from diode_pl.synthesis.module import Inversion
from diode_pl.synthesis.sampler import OneBox
from diode_pl.synthesis.schedule import Stage
from diode_pl.synthesis.trainer import build_synthesis_trainer
from tests.tiny_network import tiny_network


def sign_descent(params):
    return torch.optim.Adam(params, lr=0.05, betas=(0.0, 0.0))


def stand_still(params):
    return torch.optim.Adam(params, lr=1e-12, betas=(0.0, 0.0))


def inversion(folder: Path, stages: list[Stage] | None = None, **changes) -> Inversion:
    parts = {
        "teacher": tiny_network(folder),
        "sampler": OneBox(size=(0.4, 0.7)),
        "stages": stages or [Stage(32, 20, sign_descent)],
        "losses": {
            "detection": Detection(),
            "total_variation": TotalVariation(1.0),
            "batch_norm": BatchNormStatistics(0.1),
        },
        "augmentations": {"jitter": Jitter(), "flip": Flip(), "brightness": Brightness()},
        "initializer": Noise(0.5, 0.1),
        "num_images": 2,
        "batch_size": 2,
    }
    return Inversion(**parts | changes)


class Record(pl.Callback):
    """Keeps what a fit leaves: images of each epoch's start and end."""

    def __init__(self):
        self.starts, self.ends, self.targets, self.totals = [], [], [], []

    def on_train_batch_start(self, trainer, module, batch, batch_idx):
        if batch_idx == 0 and module.images is not None:
            self.starts.append(module.images.detach().clone())

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        self.totals.append(float(module.objective.terms["total"]))

    def on_train_epoch_end(self, trainer, module):
        self.ends.append(module.images.detach().clone())
        self.targets.append(module.targets)


def fit(module: Inversion, *callbacks, precision: str = "32-true", loggers: Sequence[Logger] = ()) -> Record:
    """Optimizes all batches and stages of a module; the record comes last of the callbacks."""
    record = Record()
    named = {str(i): callback for i, callback in enumerate((*callbacks, record))}
    logger = {str(i): each for i, each in enumerate(loggers)}
    trainer = build_synthesis_trainer(named, logger, accelerator="cpu", precision=precision)
    trainer.fit(module)
    return record
