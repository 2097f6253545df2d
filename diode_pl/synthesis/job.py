"""A synthesis run, from the batches that are missing on disk to the finished data set."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from diode_pl.class_names import match_classes
from diode_pl.data.synthetic import SyntheticSet
from diode_pl.numerics.processes import reraise_process_errors
from diode_pl.report import log_closing
from diode_pl.shapes.objects import OBJECTS
from diode_pl.synthesis.callbacks import ImageWriter
from diode_pl.synthesis.module import Inversion

log = logging.getLogger(__name__)


def synthesize(
    inversion: Inversion, trainer: pl.Trainer, folder: str | Path, settings: Mapping[str, Any]
) -> float | None:
    """Synthesizes the batches that are not on disk yet, then writes the files that describe the data set.

    Args:
        inversion: the module that optimizes the images.
        trainer: from :func:`diode_pl.synthesis.trainer.build_synthesis_trainer`.
        folder: output folder.
        settings: configuration of the run as plain data; stored with the images and compared when a run is resumed.

    Returns:
        Mean mAP@0.5 of the verifier, or of the teacher without a verifier: the value that a sweep maximizes.

    Raises:
        ValueError: if the teacher's weights are random, or ``folder`` holds images made with different settings.
    """
    inversion.teacher.require_trained("teacher")
    settings = dict(settings) | {"teacher_sha256": inversion.teacher.fingerprint()}
    dataset = SyntheticSet(folder, inversion.teacher.class_names, settings)
    plan = inversion.plan
    plan.todo = dataset.find_missing({batch: plan.images_in(batch) for batch in range(plan.num_batches)})
    skipped = plan.num_batches - len(plan.todo)
    if skipped:
        log.info("%s: %d of %d batches are already complete", dataset.folder, skipped, plan.num_batches)
    shares = [plan.share(rank, trainer.world_size) for rank in range(trainer.world_size)]
    trainer.fit_loop.max_epochs = max(map(len, shares)) * len(inversion.stages)
    trainer.callbacks.append(ImageWriter(dataset))  # type: ignore[attr-defined]  # last: needs the scores
    try:
        if plan.todo:
            with reraise_process_errors():
                trainer.fit(inversion)
    except BaseException:
        if any(dataset.is_complete(batch, plan.images_in(batch)) for batch in range(plan.num_batches)):
            log.warning("%s: stopped; the same command resumes after the last finished batch", dataset.folder)
        raise
    finally:
        # Ranks that were started separately do not wait for each other, so each updates the files.
        summary = dataset.finish()
    if summary is None:
        return None
    log.info(
        "%s: %d images, %d boxes, %s, %.2f s per image, data access %s",
        dataset.folder,
        summary["images"],
        summary["boxes"],
        ", ".join(f"{name} {value:.3f}" for name, value in summary["scores"].items()) or "no scores",
        summary["seconds_per_image"],
        summary["data_access"],
    )
    # By default students are measured on the embedded world, which has none of the classes of other teachers.
    known = max(match_classes(inversion.teacher.class_names, list(OBJECTS))) >= 0
    words = ("train.py", "+experiment=quick", "train.root={}", *([] if known else ["data@val=none"]))
    log_closing(folder, "contact_sheet.png", "the images", *words)
    scores = summary["scores"]
    return scores.get("verifier_map50", scores.get("teacher_map50"))
