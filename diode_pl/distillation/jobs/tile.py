"""The job that writes tiled training images as a data set."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diode_pl.data import DetectionData
from diode_pl.data.synthetic import write_tiled
from diode_pl.provenance import Provenance
from diode_pl.report import log_closing
from diode_pl.report.page import try_write_page
from diode_pl.training.run_folder import require_own_folder

log = logging.getLogger(__name__)


def tile(data: DetectionData, count: int, folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Writes tiles of training images as a data set with the same classes.

    Args:
        data: training images and tiling.
        count: number of images, >= 1.
        folder: output folder.
        settings: configuration of the run as plain data; stored with the images.

    Raises:
        ValueError: if ``count`` < 1, there are no training images, or the folder holds a different set or the images.
    """
    require_own_folder(folder, settings)
    if count < 1:
        raise ValueError(f"count must be >= 1, got {count}")
    if data.train is None:
        raise ValueError("train: expected images to tile, got None")
    if data.tiling.probabilities[0] == 1:
        log.warning("tiling has no effect: one image per tile")
    names = data.train.class_names
    provenance = data.provenance_with_labels(read=bool(names)) | Provenance(teacher=False)
    write_tiled(data.open_training_set(), count, data.seed, folder, names, provenance, settings)
    log.info("%s: %d tiled images, data access %s", Path(folder) / "images", count, provenance)
    try_write_page(Path(folder))
    words = ("train.py", "detector@teacher=NAME", "train.root={}")
    log_closing(folder, "contact_sheet.png", "the tiled images", *words)
