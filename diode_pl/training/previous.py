"""The checkpoint before the last one, for when the last one is damaged."""

import logging
import os
import shutil
import zipfile
from contextlib import suppress
from pathlib import Path

from diode_pl.io.atomic import atomic_write
from diode_pl.io.process_id import ProcessId
from diode_pl.training.checkpoint import Checkpoint

log = logging.getLogger(__name__)


def previous_of(path: Path) -> Path:
    """Where the checkpoint before that of ``path`` is kept."""
    return path.with_name(f".{path.name}.previous")


def keep_previous(path: Path) -> None:
    """Keeps the checkpoint that is about to be replaced, under a second name; without a copy where links exist."""
    if not path.is_file():
        return
    kept = previous_of(path)
    temporary = kept.with_name(f"{kept.name}.{ProcessId.current()}.part")
    try:
        try:
            os.link(path, temporary)
        except OSError:  # a file system without links
            shutil.copyfile(path, temporary)
        temporary.replace(kept)
    finally:
        temporary.unlink(missing_ok=True)


def forget_previous(path: Path) -> None:
    """Removes what :func:`keep_previous` kept: a finished training needs it no more."""
    previous_of(path).unlink(missing_ok=True)


def read_last_whole(path: Path, part: str) -> Checkpoint:
    """Reads a checkpoint; if it is damaged, the one before it, or else that of the best epoch, which takes its place.

    Args:
        path: of the checkpoint of the last epoch.
        part: see :class:`Checkpoint`.

    Raises:
        ValueError: if it is damaged, and so are the others, or there are none.
    """
    try:
        return _read_whole(path, part)
    except ValueError as error:
        for other in (previous_of(path), path.with_name("best.ckpt")):
            with suppress(ValueError):
                whole = _read_whole(other, part)
                log.warning("%s. Going on from the last whole one, after %d epochs: %s", error, whole.epochs, other)
                atomic_write(path, other.read_bytes(), sync=True)
                return Checkpoint.read(path, part)
        raise


def _read_whole(path: Path, part: str) -> Checkpoint:
    """Reads a checkpoint of which every byte is as it was written.

    Raises:
        ValueError: if it is not.
    """
    checkpoint = Checkpoint.read(path, part)
    try:
        with zipfile.ZipFile(path) as file:  # the format of torch.save, with a checksum for each entry
            damaged = file.testzip()
    except zipfile.BadZipFile as error:
        raise ValueError(f"ckpt: {path} is damaged: {error}") from error
    if damaged is not None:
        raise ValueError(f"ckpt: {path} is damaged: the checksum of {damaged} is wrong")
    return checkpoint
