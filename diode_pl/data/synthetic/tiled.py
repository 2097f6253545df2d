"""A tiled data set on disk."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count as counting
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from diode_pl.data.batch import Batch
from diode_pl.data.epoch_sampler import EpochSampler, SampleKey
from diode_pl.data.synthetic.dataset import FinishedBatch, SyntheticSet
from diode_pl.data.training_set import TrainingSet
from diode_pl.provenance import Provenance

log = logging.getLogger(__name__)

_BATCH = 64  # images of one record


def write_tiled(
    images: TrainingSet,
    count: int,
    seed: int,
    folder: str | Path,
    class_names: Sequence[str],
    provenance: Provenance,
    settings: Mapping[str, Any],
) -> None:
    """Writes images as tiling joins them, in the form of a synthetic set; finished batches are not made again.

    Args:
        images: of which nothing but the tiling is used.
        count: images to write, at least 1; may grow later, by whole records of 64.
        seed: of all draws.
        folder: as of ``synthesize.py``: ``images/``, ``annotations.json``, ``labels/``, ``contact_sheet.png``, ...
        class_names: by label.
        provenance: what the images were made from.
        settings: of the run, as plain data; kept with the images.

    Raises:
        ValueError: the folder holds images of other settings, or too many images are bad.
    """
    dataset = SyntheticSet(folder, class_names, settings)
    starts = range(0, count, _BATCH)
    missing = dataset.missing({number: min(_BATCH, count - first) for number, first in enumerate(starts)})
    draws = list(islice(_draws(len(images), seed), count))
    for number in tqdm(missing, "tiling", unit="batches", disable=None):
        began = time.perf_counter()
        batch = Batch.from_examples(
            [images.tiled(draw) for draw in draws[starts[number] : starts[number] + _BATCH]]
        ).to_float()
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
                provenance=provenance,
            )
        )
    summary = dataset.finish()
    if summary is not None and not summary["boxes"]:
        log.warning("%s: the images have no boxes; only a teacher can tell what is on them", folder)


def _draws(images: int, seed: int) -> Iterator[SampleKey]:
    """Every image leads once before any leads again; what comes first does not depend on how many are wanted."""
    sampler = EpochSampler(images, 1, None, seed)
    for number in counting():
        sampler.set_epoch(number)
        for step in sampler:
            yield from step
