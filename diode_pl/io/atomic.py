"""Atomic writing of files."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from PIL import Image

from diode_pl.io.process_id import ProcessId

_SUFFIX = ".part"


@contextmanager
def open_atomic(path: Path, sync: bool = False) -> Iterator[io.BufferedWriter]:
    """Opens a file for writing under a temporary name, which no other process uses, and renames it in the end.

    Args:
        path: of the file.
        sync: whether it is on the disk before it gets its name, and the name before this ends: a machine that loses its
            power then has the file or the one before it, never half of one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{ProcessId.current()}{_SUFFIX}")
    try:
        with temporary.open("wb") as file:
            yield file
            if sync:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
        if sync:
            _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # not every system opens folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def atomic_write(path: Path, content: bytes, sync: bool = False) -> None:
    """Writes a file under a temporary name and renames it, so that it is never incomplete; see :func:`open_atomic`."""
    with open_atomic(path, sync) as file:
        file.write(content)


def write_picture(path: Path, picture: Image.Image) -> bytes:
    """Writes a PNG file atomically, and returns its content."""
    buffer = io.BytesIO()
    picture.save(buffer, format="png")
    atomic_write(path, buffer.getvalue())
    return buffer.getvalue()


def remove_remnants(folder: Path) -> None:
    """Removes temporary files below ``folder`` whose process is known to be gone; those of other hosts stay."""
    for place, _, names in os.walk(folder):
        for name in names:
            if not (name.startswith(".") and name.endswith(_SUFFIX)):
                continue
            process = ProcessId.parse(name.removesuffix(_SUFFIX).rpartition(".")[2])
            if process is not None and process.is_gone:
                Path(place, name).unlink(missing_ok=True)
