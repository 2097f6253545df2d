"""A tiled data set on disk."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from diode_pl.data.batch import Batch
from diode_pl.data.sampling import EpochSampler
from diode_pl.data.synthetic import FinishedBatch, SyntheticSet
from diode_pl.data.training_set import TrainingSet

_BATCH = 64  # images of one record


def write_tiled(
    images: TrainingSet,
    count: int,
    seed: int,
    folder: str | Path,
    class_names: Sequence[str],
    data_access: str,
    settings: Mapping[str, Any],
) -> None:
    """Writes images as tiling joins them, in the form of a synthetic set; finished batches are not made again.

    Args:
        images: of which nothing but the tiling is used.
        count: images to write, at least 1.
        seed: of all draws.
        folder: as of ``synthesize.py``: ``images/``, ``annotations.json``, ``labels/``, ``contact_sheet.png``, ...
        class_names: by label.
        data_access: what the images were made from.
        settings: of the run, as plain data; kept with the images.

    Raises:
        ValueError: the folder holds images of other settings, or too many images are bad.
    """
    dataset = SyntheticSet(folder, class_names, settings)
    starts = range(0, count, _BATCH)
    missing = dataset.missing({number: min(_BATCH, count - first) for number, first in enumerate(starts)})
    # One image a step: every image leads once before any leads again.
    draws = [draw for step in EpochSampler(len(images), 1, count, seed) for draw in step]
    for number in tqdm(missing, "tiling", unit="batches", disable=None):
        began = time.perf_counter()
        batch = Batch.of([images.tiled(draw) for draw in draws[starts[number] : starts[number] + _BATCH]]).scaled()
        dataset.write(
            FinishedBatch(
                number=number,
                first=starts[number],
                images=batch.images,
                targets=batch.targets,
                seed=seed,
                stages=[],
                losses={},
                scores={},
                seconds=time.perf_counter() - began,
                data_access=data_access,
            )
        )
    dataset.finish()
