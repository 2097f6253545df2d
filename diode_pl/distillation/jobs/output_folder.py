"""The folder that a job writes to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def require_own_folder(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Keeps what a job writes apart from the images that it reads.

    Args:
        folder: where the job writes.
        settings: of the run; ``train.root`` and ``val.root`` are where images lie.

    Raises:
        ValueError: both are the same folder.
    """
    for key in ("train", "val"):
        root = (settings.get(key) or {}).get("root")
        if root is not None and Path(root).expanduser().resolve() == Path(folder).resolve():
            raise ValueError(
                f"folder and {key}.root must differ, got {folder} for both: what the run writes would lie among the "
                "images"
            )
