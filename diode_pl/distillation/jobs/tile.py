"""Writes tiled training images as a data set and trains nothing."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diode_pl.data import DetectionData
from diode_pl.data.synthetic import write_tiled
from diode_pl.distillation.jobs.output_folder import require_own_folder
from diode_pl.provenance import Provenance

log = logging.getLogger(__name__)


def tile(data: DetectionData, count: int, folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Writes training images, joined by the tiling, as a data set with the classes of the training images.

    Args:
        data: whose training images and tiling are used.
        count: number of images, at least 1.
        folder: where the data set goes.
        settings: of the run, as plain data; kept with the images.

    Raises:
        ValueError: ``count`` is below 1, there are no training images, or the folder holds another set or the images.
    """
    require_own_folder(folder, settings)
    if count < 1:
        raise ValueError(f"count must be >= 1, got {count}")
    if data.train is None:
        raise ValueError("train: expected images to tile, got None")
    if data.tiling.probabilities[0] == 1:
        log.warning("tiling: it joins no images, each is written as it is")
    names = data.train.class_names
    provenance = data.provenance.with_labels(read=bool(names)) | Provenance(teacher=False)
    write_tiled(data.training_set(), count, data.seed, folder, names, provenance, settings)
    log.info("%s: %d tiled images, data access %s", Path(folder) / "images", count, provenance)
