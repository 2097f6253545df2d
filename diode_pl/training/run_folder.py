"""The output folder of a training."""

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from diode_pl.io.atomic import atomic_write, remove_remnants
from diode_pl.io.run_config import FREE_IN_TRAINING, refuse_different_config


def read_checkpoint(path: str | Path, part: str = "distillation") -> dict[str, Any]:
    """What a checkpoint of a training holds.

    Args:
        path: of the checkpoint.
        part: the key under which the training keeps what its weights do not say.

    Raises:
        ValueError: the file is damaged or something else.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        content = error
    if not isinstance(content, dict) or not {"state_dict", part} <= content.keys():
        raise ValueError(
            f"{path} is no checkpoint of train.py, or is damaged: what was looked for is the state of a {part}. A "
            "detector's weights alone are given as student.weights=FILE"
        )
    return content


def best_epoch(folder: str | Path) -> dict[str, Any] | None:
    """Which epoch ``best.ckpt`` holds and its ``AP50``; None where there is no such file.

    Raises:
        ValueError: the file is damaged.
    """
    path = Path(folder) / "best.ckpt"
    if not path.is_file():
        return None
    last = read_checkpoint(path)["distillation"]["history"][-1]
    return {"epoch": int(last["epoch"]), "AP50": last["val/AP50"]}


class TrainingFolder:
    """A folder that one training fills, in one go or in several.

    Args:
        folder: made when it does not exist.
        settings: of the run, as plain data; kept in ``configuration.json``.
        name: of the checkpoint, without its ending.
        part: see :func:`read_checkpoint`; it has the training's ``history``.

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
    def checkpoint(self) -> Path | None:
        """The state after the last finished epoch, if there is one."""
        path = self.folder / f"{self.name}.ckpt"
        return path if path.is_file() else None

    def state(self) -> dict[str, Any]:
        """What the checkpoint holds; empty where there is none."""
        if self.checkpoint is None:
            return {}
        return read_checkpoint(self.checkpoint, self.part)

    @property
    def epochs_done(self) -> int:
        """Number of finished epochs."""
        return len(self.state().get(self.part, {}).get("history", []))
