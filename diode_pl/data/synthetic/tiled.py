"""A tiled data set on disk."""

import itertools
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from diode_pl.data.batch import Batch
from diode_pl.data.epoch_sampler import EpochSampler, SampleKey
from diode_pl.data.synthetic.claims import Claims
from diode_pl.data.synthetic.completion import mark_unfinished
from diode_pl.data.synthetic.dataset import FinishedBatch, SyntheticSet
from diode_pl.data.synthetic.plan import Plan
from diode_pl.data.synthetic.team import Team
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
    """Writes tiled images as a :class:`SyntheticSet`; finished batches are kept.

    Args:
        images: only their tiling is used, not the mosaic.
        count: images to write, >= 1; may grow later, by whole records of 64.
        seed: of all draws.
        folder, class_names: see :class:`SyntheticSet`.
        provenance: data access level of the images.
        settings: of the run, as plain data; stored with the images.

    Raises:
        ValueError: if the folder holds images of other settings, or too many images are bad.
    """
    dataset = SyntheticSet(folder, class_names, settings)
    plan = Plan(count, _BATCH)
    team = Team(dataset.folder)
    with team.joined(plan, dataset.class_names, dataset.configuration):
        missing = dataset.find_missing(plan)
        if missing:
            mark_unfinished(dataset.folder, plan)
        draws = list(itertools.islice(_draws(images, seed), count))
        claims = Claims(team, missing, dataset.holds)
        for number in tqdm(claims, "tiling", len(missing), unit="batches", disable=None):
            began = time.perf_counter()
            first = plan.first_image(number)
            batch = Batch.from_examples([images.tiled(draw) for draw in draws[first : first + _BATCH]]).to_float()
            made = FinishedBatch(number, first, batch.images, batch.targets, seed, [], {}, {}, 0.0, provenance)
            team.require_folder()
            dataset.write(replace(made, seconds=time.perf_counter() - began))
        with team.door():
            summary = dataset.finish(plan)
    if summary is not None and not summary["boxes"]:
        log.warning("%s: the images have no boxes; only a teacher can tell what is on them", folder)


def _draws(images: TrainingSet, seed: int) -> Iterator[SampleKey]:
    """Every image leads once before any leads again; the order does not depend on how many are drawn."""
    sampler = EpochSampler(len(images), 1, None, seed, parts=images.parts)
    for number in itertools.count():
        sampler.set_epoch(number)
        for step in sampler:
            yield from step
