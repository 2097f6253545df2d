"""A run of the synthesis, from what is left to do to the finished data set."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from diode_pl.data.synthetic import SyntheticSet
from diode_pl.numerics.processes import reraise_process_errors
from diode_pl.synthesis.callbacks import ImageWriter
from diode_pl.synthesis.module import Inversion

log = logging.getLogger(__name__)


def synthesize(
    inversion: Inversion, trainer: pl.Trainer, folder: str | Path, settings: Mapping[str, Any]
) -> float | None:
    """Makes the batches that are not on disk yet, then the files that describe the set.

    Args:
        inversion: what to optimize.
        trainer: of :func:`diode_pl.synthesis.trainer.synthesis_trainer`.
        folder: where the images go.
        settings: of the run, as plain data; kept with the images, to tell them from those of other settings.

    Returns:
        Mean mAP@0.5 of the verifier, or of the teacher where there is no verifier: what a sweep would maximize.

    Raises:
        ValueError: the teacher's weights are random, or the folder holds images of other settings.
    """
    if inversion.teacher.provenance is None:
        raise ValueError(
            f"teacher.weights: those of the teacher ({type(inversion.teacher).__name__}) are random, and what never "
            "learned has no images to give. Train it first, on labels alone, and give the student.safetensors of that "
            "training; a detector of your own that has loaded its weights says so in provenance"
        )
    settings = dict(settings) | {"teacher_sha256": inversion.teacher.fingerprint()}
    dataset = SyntheticSet(folder, inversion.teacher.class_names, settings)
    plan = inversion.plan
    plan.todo = dataset.missing({batch: plan.images_in(batch) for batch in range(plan.num_batches)})
    skipped = plan.num_batches - len(plan.todo)
    if skipped:
        log.info("%s: %d of %d batches are there and intact", dataset.folder, skipped, plan.num_batches)
    shares = [plan.share(rank, trainer.world_size) for rank in range(trainer.world_size)]
    trainer.fit_loop.max_epochs = max(map(len, shares)) * len(inversion.stages)
    trainer.callbacks.append(ImageWriter(dataset))  # type: ignore[attr-defined]  # last: it needs the scores
    summary = None
    try:
        if plan.todo:
            with reraise_process_errors():
                trainer.fit(inversion)
    except BaseException:
        if any(dataset.is_complete(batch, plan.images_in(batch)) for batch in range(plan.num_batches)):
            log.warning("%s: stopped; the same command goes on after the last finished batch", dataset.folder)
        raise
    finally:
        # Ranks that were started one by one do not wait for each other: each brings the files up to date.
        summary = dataset.finish()
    if summary is None:
        return None
    log.info(
        "%s: %d images, %d boxes, %s, %.2f s an image, data access %s",
        dataset.folder,
        summary["images"],
        summary["boxes"],
        ", ".join(f"{name} {value:.3f}" for name, value in summary["scores"].items()) or "no scores",
        summary["seconds_per_image"],
        summary["data_access"],
    )
    scores = summary["scores"]
    return scores.get("verifier_map50", scores.get("teacher_map50"))
