"""Check of the folder that a job writes to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def require_own_folder(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Checks that a job does not write into the folder of its images.

    Args:
        folder: output folder.
        settings: configuration of the run; ``train.root`` and ``val.root`` are the image folders.

    Raises:
        ValueError: if two of them are the same folder.
    """
    for key in ("train", "val"):
        root = (settings.get(key) or {}).get("root")
        if root is not None and Path(root).expanduser().resolve() == Path(folder).resolve():
            raise ValueError(
                f"folder and {key}.root must differ, got {folder} for both: what the run writes would lie among the "
                "images"
            )
