"""The output folder of a training."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from diode_pl.io.atomic import atomic_write, remove_remnants
from diode_pl.io.run_config import FREE_IN_TRAINING, refuse_different_config
from diode_pl.training.checkpoint import Checkpoint


class RunFolder:
    """A folder that one training fills, in one go or in several.

    Args:
        folder: made when it does not exist.
        settings: of the run, as plain data; kept in ``configuration.json``.
        name: of the checkpoint, without its suffix.
        part: see :class:`Checkpoint`.

    Raises:
        ValueError: the folder holds a training with another configuration.
    """

    def __init__(
        self, folder: str | Path, settings: Mapping[str, Any], name: str = "student", part: str = "distillation"
    ) -> None:
        self.folder, self.name, self.part = Path(folder), name, part
        self.settings = json.loads(json.dumps(settings))
        record = self.folder / "configuration.json"
        # Without a checkpoint nothing is lost by a new start. One of another name is that of another training.
        if record.is_file() and any(self.folder.glob("*.ckpt")):
            old = json.loads(record.read_text(encoding="utf-8"))
            refuse_different_config(self.folder, "a training", old, self.settings, FREE_IN_TRAINING)
        remove_remnants(self.folder)
        atomic_write(record, json.dumps(self.settings, indent=1).encode())

    @property
    def path(self) -> Path:
        """Of the checkpoint after the last finished epoch, whether it exists or not."""
        return self.folder / f"{self.name}.ckpt"

    def read_checkpoint(self) -> Checkpoint | None:
        """The state after the last finished epoch, or None before the first."""
        return Checkpoint.read(self.path, self.part) if self.path.is_file() else None

    def keep_last(self) -> ModelCheckpoint:
        """A callback that writes :attr:`path` after every epoch."""
        # All are kept, under one name: Lightning would remove the last one of another folder that it was resumed from.
        return ModelCheckpoint(filename=self.name, save_top_k=-1, **self._when())

    def keep_best(self) -> ModelCheckpoint:
        """A callback that keeps the epoch of highest ``val/AP50`` as ``best.ckpt``."""
        best = ModelCheckpoint(filename="best", monitor="val/AP50", mode="max", **self._when())
        before = best_epoch(self.folder) if self.path.is_file() else None
        if before is not None:
            # Of a folder that was moved Lightning forgets what its best is, and would write over it.
            path, score = best.format_checkpoint_name({}), torch.tensor(before["AP50"])
            best.best_k_models, best.best_model_score = {path: score}, score
            best.kth_best_model_path, best.kth_value = path, score
        return best

    def _when(self) -> dict[str, Any]:
        return {"dirpath": self.folder, "save_on_train_epoch_end": True, "enable_version_counter": False}


def best_epoch(folder: str | Path) -> dict[str, Any] | None:
    """Which epoch ``best.ckpt`` holds and its ``AP50``; None where there is no such file.

    Raises:
        ValueError: the file is damaged.
    """
    path = Path(folder) / "best.ckpt"
    if not path.is_file():
        return None
    last = Checkpoint.read(path).kept["history"][-1]
    return {"epoch": int(last["epoch"]), "AP50": last["val/AP50"]}
