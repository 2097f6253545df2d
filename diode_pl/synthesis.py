"""A run of the synthesis, from what is left to do to the finished data set."""

import logging

import pytorch_lightning as pl

from diode_pl.callbacks import ImageWriter
from diode_pl.data import SyntheticSet
from diode_pl.inversion import Inversion

log = logging.getLogger(__name__)


def synthesize(inversion: Inversion, trainer: pl.Trainer, dataset: SyntheticSet) -> float | None:
    """Makes the batches that are not on disk yet, then the files that describe the set.

    Args:
        inversion: what to optimise.
        trainer: of :func:`diode_pl.trainer.inversion_trainer`.
        dataset: where the images go.

    Returns:
        Mean mAP@0.5 of the verifier, or of the teacher where there is no verifier: what a sweep would maximise.
    """
    counts = {batch: inversion.images_in(batch) for batch in range(inversion.num_batches)}
    inversion.work = [batch for batch, count in counts.items() if not dataset.is_complete(batch, count)]
    for batch in inversion.work:
        dataset.forget(batch)  # damaged ones: what describes the set must not count on them
    skipped = len(counts) - len(inversion.work)
    if skipped:
        log.info("%s: %d of %d batches are there and intact", dataset.folder, skipped, len(counts))
    rounds = -(-len(inversion.work) // trainer.world_size)
    trainer.fit_loop.max_epochs = rounds * len(inversion.stages)
    trainer.callbacks.append(ImageWriter(dataset))  # type: ignore[attr-defined]  # last: it needs the scores
    summary = None
    try:
        if inversion.work:
            trainer.fit(inversion)
    finally:
        if trainer.is_global_zero:
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
