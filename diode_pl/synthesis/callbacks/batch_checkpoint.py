"""Checkpoints inside a batch that takes long."""

import io
import logging
import pickle
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from diode_pl.data.synthetic import Plan, SyntheticSet, Team
from diode_pl.io.atomic import atomic_write
from diode_pl.io.run_config import compare_configs
from diode_pl.synthesis.batch_state import capture_batch
from diode_pl.synthesis.module import Inversion

log = logging.getLogger(__name__)

_LEAST_PART = 20  # times as long as the last checkpoint took to write must pass until the next one


class BatchCheckpoint(pl.Callback):
    """Keeps the state of the present batch in ``batches/NUMBER.ckpt``, from which the same command goes on.

    The images are the same, byte for byte, as without a stop (CPU, fp32). The file is removed when the batch is
    written, thus this comes after :class:`ImageWriter`.

    Args:
        dataset: to whose folder and configuration the batch belongs.
        team: those who write to it.
        plan: of the set.
        every: seconds between two checkpoints, >= 0; more where writing one takes long.

    Raises:
        ValueError: if ``every`` is negative.

    Example:
        >>> import tempfile
        >>> dataset = SyntheticSet(tempfile.mkdtemp(), ["mug", "key"], {"seed": 0})
        >>> BatchCheckpoint(dataset, Team(dataset.folder), Plan(4, 2)).read(0) is None
        True
    """

    def __init__(self, dataset: SyntheticSet, team: Team, plan: Plan, every: float = 60.0) -> None:
        if every < 0:
            raise ValueError(f"every must be >= 0, got {every}")
        self.dataset, self.team, self.plan, self.every = dataset, team, plan, every
        self._batch: int | None = None
        self._due = 0.0

    def path(self, batch: int) -> Path:
        """Where the checkpoint of a batch lies."""
        return self.dataset.folder / "batches" / f"{batch:06d}.ckpt"

    def read(self, batch: int) -> Mapping[str, Any] | None:
        """The state that a batch was left in; None without one that is whole and of the same configuration."""
        path = self.path(batch)
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            differ = compare_configs(state["configuration"], self.dataset.configuration)
            fits = not differ and len(state["images"]) == self.plan.images_in(batch)
        except FileNotFoundError:
            return None
        except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError):
            log.warning("%s is damaged: batch %d begins anew", path, batch)
            return None
        if not fits:
            log.info("%s is of another configuration: batch %d begins anew", path, batch)
            return None
        where = f"stage {state['stage'] + 1}, iteration {state['iteration']}"
        log.info("%s: batch %d continues from its checkpoint at %s", self.dataset.folder, batch + 1, where)
        return state

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, Inversion)
        now = time.monotonic()
        if pl_module.batch != self._batch:
            self._batch, self._due = pl_module.batch, now + self.every
        if now < self._due or pl_module.iteration == pl_module.stage.steps(pl_module.budget):
            return
        self.team.require_folder()
        assert pl_module.batch is not None
        content = io.BytesIO()
        torch.save(capture_batch(pl_module) | {"configuration": self.dataset.configuration}, content)
        atomic_write(self.path(pl_module.batch), content.getvalue())
        end = time.monotonic()
        self._due = end + max(self.every, _LEAST_PART * (end - now) if self.every else 0.0)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Removes the checkpoint of a batch that is written."""
        assert isinstance(pl_module, Inversion)
        if pl_module.batch_is_done and pl_module.batch is not None:
            self.path(pl_module.batch).unlink(missing_ok=True)
