"""The output folder of a training, which resumes from the folder's checkpoint."""

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from diode_pl.io.atomic import atomic_write, remove_remnants
from diode_pl.io.folder_lock import FolderLock
from diode_pl.io.run_config import FREE_IN_TRAINING, refuse_different_config
from diode_pl.numerics.processes import reraise_process_errors
from diode_pl.training.checkpoint import Checkpoint
from diode_pl.training.folder_watch import FolderWatch
from diode_pl.training.previous import forget_previous, read_last_whole
from diode_pl.training.time_budget import TimeBudget

log = logging.getLogger(__name__)


class RunFolder:
    """The output folder of one training, which may be interrupted and resumed.

    Args:
        folder: created if it does not exist.
        settings: configuration of the run as plain data; stored in ``configuration.json``.
        name: file name of the checkpoint without suffix.
        part: see :class:`Checkpoint`.
        is_main: whether this is the main process of the run, which alone locks the folder and writes to it.

    Raises:
        ValueError: when it is entered, if the folder holds a training with a different configuration, or another
            process trains in it.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder, RunFolder(folder, settings={"seed": 0}) as run:
        ...     checkpoint = run.read_checkpoint()
    """

    def __init__(
        self,
        folder: str | Path,
        settings: Mapping[str, Any],
        name: str = "student",
        part: str = "distillation",
        is_main: bool = True,
    ) -> None:
        self.folder, self.name, self.part, self.is_main = Path(folder), name, part, is_main
        self.settings = json.loads(json.dumps(settings))
        self._lock = FolderLock(self.folder, "trains")

    def __enter__(self) -> "RunFolder":
        with ExitStack() as held:
            if self.is_main:
                held.enter_context(self._lock)
            self._begin()
            self._held = held.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def _begin(self) -> None:
        record = self.folder / "configuration.json"
        # Without a checkpoint, starting anew loses nothing. Any *.ckpt counts: another name is another training's.
        if record.is_file() and any(self.folder.glob("*.ckpt")):
            old = json.loads(record.read_text(encoding="utf-8"))
            refuse_different_config(self.folder, "a training", old, self.settings, FREE_IN_TRAINING)
        if self.is_main:
            remove_remnants(self.folder)
            atomic_write(record, json.dumps(self.settings, indent=1).encode())

    @property
    def path(self) -> Path:
        """Path of the checkpoint of the last finished epoch, whether or not it exists."""
        return self.folder / f"{self.name}.ckpt"

    def read_checkpoint(self) -> Checkpoint | None:
        """Returns the state after the last finished epoch of which a file is whole, or None before the first."""
        return read_last_whole(self.path, self.part) if self.path.is_file() else None

    def keep_last(self) -> ModelCheckpoint:
        """Returns a callback that writes :attr:`path` after every epoch."""
        # -1, all under one name: otherwise Lightning deletes the checkpoint it resumed from, in another folder too.
        return ModelCheckpoint(filename=self.name, save_top_k=-1, **self._when())

    def keep_best(self) -> ModelCheckpoint:
        """Returns a callback that keeps the epoch of highest ``val/AP50`` as ``best.ckpt``."""
        best = ModelCheckpoint(filename="best", monitor="val/AP50", mode="max", **self._when())
        before = read_best(self.folder) if self.path.is_file() else None
        if before is not None:
            # Lightning forgets the best epoch of a folder that was moved, and would overwrite it.
            path, score = best.format_checkpoint_name({}), torch.tensor(before.kept["history"][-1]["val/AP50"])
            best.best_k_models, best.best_model_score = {path: score}, score
            best.kth_best_model_path, best.kth_value = path, score
        return best

    def fit_or_resume(
        self,
        module: pl.LightningModule,
        data: pl.LightningDataModule,
        trainer: pl.Trainer,
        start: Checkpoint | None = None,
        callbacks: Sequence[pl.Callback] = (),
    ) -> bool:
        """Trains up to the trainer's last epoch, then loads the folder's checkpoint into ``module``, on the CPU.

        Args:
            module: the module to train; resumes from the folder's checkpoint if there is one.
            data: its data.
            trainer: from :func:`diode_pl.training.trainer.build_training_trainer`.
            start: a checkpoint to start from; ignored if the folder has its own.
            callbacks: additional callbacks.

        Returns:
            Whether this is the main process, which writes the results.

        Raises:
            ValueError: if ``start`` has already reached the last epoch.
        """
        final = self.read_checkpoint()
        last = _last_epoch(trainer, final or start)
        if final is not None and start is not None and not final.path.samefile(start.path):
            log.warning("ckpt: %s is ignored: %s has its own checkpoint", start.path, self.folder)
        if final is not None and final.epochs >= last:
            log.info("%s: all %d epochs finished", self.folder, final.epochs)
        else:
            start = final or start
            if start is not None and start.epochs >= last:
                raise ValueError(
                    f"max_epochs or max_time must be above the {start.epochs} finished epochs, "
                    f"{start.seconds / 60:.1f} minutes, of {start.path}"
                )
            if start is not None:
                log.info("resuming from %s", start.path)
            watch = [FolderWatch(self._lock.path)] if self.is_main else []
            trainer.callbacks.extend([*watch, *callbacks, self.keep_last()])  # type: ignore[attr-defined]
            try:
                with reraise_process_errors():
                    trainer.fit(module, datamodule=data, ckpt_path=None if start is None else start.path)
            except BaseException as error:
                self._say_what_is_kept(isinstance(error, Exception))
                raise
            # From the file: spawned processes do not return their weights.
            final = self.read_checkpoint() if trainer.is_global_zero else None
        if trainer.is_global_zero:
            assert final is not None
            final.restore(module)
            for path in (self.path, self.folder / "best.ckpt"):
                forget_previous(path)
        return trainer.is_global_zero

    def _say_what_is_kept(self, failed: bool) -> None:
        if not self.path.is_file():
            if not failed:
                log.warning(
                    "%s: stopped before the first epoch was finished; the same command begins anew", self.folder
                )
            return
        with suppress(ValueError):  # damaged, which the next run says
            known = self.read_checkpoint()
            kept = f"{known.epochs if known else 0} epochs are kept in {self.path.name}"
            log.warning("%s: stopped; %s; the same command goes on from there", self.folder, kept)

    def _when(self) -> dict[str, Any]:
        return {"dirpath": self.folder, "save_on_train_epoch_end": True, "enable_version_counter": False}


def read_best(folder: str | Path) -> Checkpoint | None:
    """Returns the state after the best epoch, or None without a ``best.ckpt``; raises a ValueError if damaged."""
    path = Path(folder) / "best.ckpt"
    return Checkpoint.read(path) if path.is_file() else None


def _last_epoch(trainer: pl.Trainer, state: Checkpoint | None) -> int:
    """Number of epochs of the whole training."""
    budgets = [callback for callback in trainer.callbacks if isinstance(callback, TimeBudget)]  # type: ignore[attr-defined]
    if not budgets or state is None:
        return trainer.max_epochs or 1
    return budgets[0].epochs(state.kept["history"])


def require_own_folder(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Raises a ValueError if an output folder is ``train.root`` or ``val.root``, a folder of images."""
    places = {key: settings.get(key) or {} for key in ("train", "val")}
    unions = {f"{key}.sets.{name}": each for key in places for name, each in (places[key].get("sets") or {}).items()}
    for key, place in (places | unions).items():
        root = (place or {}).get("root")
        if root is not None and Path(root).expanduser().resolve() == Path(folder).resolve():
            raise ValueError(
                f"folder and {key}.root must differ, got {folder} for both: what the run writes would lie among the "
                "images"
            )
