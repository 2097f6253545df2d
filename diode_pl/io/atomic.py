"""Atomic writing of files."""

import io
import os
from pathlib import Path

from PIL import Image


def atomic_write(path: Path, content: bytes) -> None:
    """Writes a file under a temporary name and renames it, so that it is never incomplete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_picture(path: Path, picture: Image.Image) -> bytes:
    """Writes a PNG file atomically, and returns its content."""
    buffer = io.BytesIO()
    picture.save(buffer, format="png")
    atomic_write(path, buffer.getvalue())
    return buffer.getvalue()


def remove_remnants(folder: Path) -> None:
    """Removes temporary files below ``folder`` whose process was killed while it wrote them."""
    for remnant in folder.rglob(".*.part"):
        process = remnant.stem.rpartition(".")[2]
        if process.isdecimal() and not _is_running(int(process)):
            remnant.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
