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
    """The output folder of one training, which may be interrupted and resumed.

    Args:
        folder: created if it does not exist.
        settings: configuration of the run as plain data; stored in ``configuration.json``.
        name: file name of the checkpoint without suffix.
        part: see :class:`Checkpoint`.

    Raises:
        ValueError: if the folder holds a training with a different configuration.
    """

    def __init__(
        self, folder: str | Path, settings: Mapping[str, Any], name: str = "student", part: str = "distillation"
    ) -> None:
        self.folder, self.name, self.part = Path(folder), name, part
        self.settings = json.loads(json.dumps(settings))
        record = self.folder / "configuration.json"
        # Without a checkpoint, starting anew loses nothing. Any *.ckpt counts: another name is another training's.
        if record.is_file() and any(self.folder.glob("*.ckpt")):
            old = json.loads(record.read_text(encoding="utf-8"))
            refuse_different_config(self.folder, "a training", old, self.settings, FREE_IN_TRAINING)
        remove_remnants(self.folder)
        atomic_write(record, json.dumps(self.settings, indent=1).encode())

    @property
    def path(self) -> Path:
        """Path of the checkpoint of the last finished epoch, whether or not it exists."""
        return self.folder / f"{self.name}.ckpt"

    def read_checkpoint(self) -> Checkpoint | None:
        """Returns the state after the last finished epoch, or None before the first."""
        return Checkpoint.read(self.path, self.part) if self.path.is_file() else None

    def keep_last(self) -> ModelCheckpoint:
        """Returns a callback that writes :attr:`path` after every epoch."""
        # -1, all under one name: otherwise Lightning deletes the checkpoint it resumed from, in another folder too.
        return ModelCheckpoint(filename=self.name, save_top_k=-1, **self._when())

    def keep_best(self) -> ModelCheckpoint:
        """Returns a callback that keeps the epoch of highest ``val/AP50`` as ``best.ckpt``."""
        best = ModelCheckpoint(filename="best", monitor="val/AP50", mode="max", **self._when())
        before = best_epoch(self.folder) if self.path.is_file() else None
        if before is not None:
            # Lightning forgets the best epoch of a folder that was moved, and would overwrite it.
            path, score = best.format_checkpoint_name({}), torch.tensor(before["AP50"])
            best.best_k_models, best.best_model_score = {path: score}, score
            best.kth_best_model_path, best.kth_value = path, score
        return best

    def _when(self) -> dict[str, Any]:
        return {"dirpath": self.folder, "save_on_train_epoch_end": True, "enable_version_counter": False}


def best_epoch(folder: str | Path) -> dict[str, Any] | None:
    """Returns ``epoch`` and ``AP50`` of ``best.ckpt``, or None without that file.

    Raises:
        ValueError: if the file is damaged.
    """
    path = Path(folder) / "best.ckpt"
    if not path.is_file():
        return None
    last = Checkpoint.read(path).kept["history"][-1]
    return {"epoch": int(last["epoch"]), "AP50": last["val/AP50"]}
