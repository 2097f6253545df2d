"""Files that are there whole or not at all."""

import io
import os
from pathlib import Path

from PIL import Image


def atomic_write(path: Path, content: bytes) -> None:
    """Writes a file under a temporary name in its folder and renames it: never half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_picture(path: Path, picture: Image.Image) -> bytes:
    """Writes a picture as PNG, whole or not at all.

    Returns:
        Content of the file.
    """
    buffer = io.BytesIO()
    picture.save(buffer, format="png")
    atomic_write(path, buffer.getvalue())
    return buffer.getvalue()


def remove_remnants(folder: Path) -> None:
    """Removes what processes that are gone, killed while they wrote, have left below ``folder``."""
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
        return True
    return True
