"""A synthesis run, from the batches that are missing on disk to the finished data set."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from diode_pl.dashboard import RunCard, recorded
from diode_pl.data.accept import Gate, Rule
from diode_pl.data.synthetic import Claims, Plan, Shard, SyntheticSet, Team
from diode_pl.data.synthetic.completion import describe_shortfall, mark_unfinished
from diode_pl.numerics.processes import reraise_process_errors
from diode_pl.report.card import write_card
from diode_pl.report.page import try_write_page
from diode_pl.synthesis.batch_size import choose_batch_size
from diode_pl.synthesis.callbacks import BatchCheckpoint, ImageWriter
from diode_pl.synthesis.module import Inversion
from diode_pl.synthesis.results import RESULTS, log_next, show_set
from diode_pl.training.precision import record_precision

log = logging.getLogger(__name__)


def synthesize(
    inversion: Inversion,
    trainer: pl.Trainer,
    folder: str | Path,
    settings: Mapping[str, Any],
    shard: Shard | None = None,
    accept: Mapping[str, Rule | None] | None = None,
) -> float | None:
    """Synthesizes the batches that are not on disk yet, then writes the files that describe the data set.

    Several processes may do so at the same time, on one host or several: each takes a batch that no other has taken.

    Args:
        inversion: the module that optimizes the images.
        trainer: from :func:`diode_pl.synthesis.trainer.build_synthesis_trainer`.
        folder: output folder.
        settings: configuration of the run as plain data; stored with the images and compared when a run is resumed.
        shard: part of the batches to make; None makes all.
        accept: rules that mark images and boxes as accepted or not; None marks none.

    Returns:
        Mean mAP@0.5 of the verifier, or of the teacher without a verifier: the value that a sweep maximizes. None if
        other shards have not finished theirs.

    Raises:
        ValueError: if the teacher's weights are random, ``folder`` holds images made with different settings or is
            written to by a run with such, or images are missing in the end.
    """
    shard, gate = shard or Shard(), Gate(accept or {})
    inversion.teacher.require_trained("teacher")
    settings = record_precision(settings, trainer) | {"teacher_sha256": inversion.teacher.fingerprint()}
    if inversion.batch_size == "auto":
        settings["batch_size"] = choose_batch_size(inversion, trainer, Path(folder))
    dataset = SyntheticSet(folder, inversion.teacher.class_names, settings)
    team, plan = Team(dataset.folder), inversion.plan
    with team.joined(plan, dataset.class_names, dataset.configuration, lambda: _reserve_logs(trainer)):
        dataset.refuse_other_records()  # of a run that has come and gone meanwhile
        missing = dataset.find_missing(plan)
        if len(missing) < plan.num_batches:
            done = plan.num_batches - len(missing)
            log.info("%s: %d of %d batches are already complete", dataset.folder, done, plan.num_batches)
        if missing:
            mark_unfinished(dataset.folder, plan)
        todo = list(shard.select(missing))
        inversion.batches = Claims(team, todo, dataset.holds)
        checkpoint = BatchCheckpoint(dataset, team, plan)
        inversion.read_state = checkpoint.read
        # Last: the writer needs the scores, and a checkpoint goes when its batch is written.
        trainer.callbacks.extend([ImageWriter(dataset, team), checkpoint])  # type: ignore[attr-defined]
        with recorded(trainer, RunCard("synthesize", dataset.folder, settings, RESULTS)) as dashboards:
            try:
                if todo:
                    with reraise_process_errors():
                        trainer.fit(inversion)
            except BaseException as error:
                team.require_folder()
                _say_what_is_kept(dataset, plan, isinstance(error, Exception))
                raise
            finally:
                summary = _describe(dataset, team, plan, gate)
            if summary is not None:
                show_set(dashboards, dataset.folder, summary)
    if summary is not None:
        write_card(dataset.folder, summary, settings)
        try_write_page(dataset.folder)
    return _report(summary, shard, dataset, inversion)


def _say_what_is_kept(dataset: SyntheticSet, plan: Plan, failed: bool) -> None:
    done = [batch for batch in range(plan.num_batches) if dataset.holds(batch)]
    begun = len(list((dataset.folder / "batches").glob("*.ckpt")))
    if not done and not begun:
        if not failed:  # what failed is likely to fail again
            log.warning("%s: stopped before the first batch was finished; the same command begins anew", dataset.folder)
        return
    images = sum(plan.images_in(batch) for batch in done)
    kept = f"{images} of {plan.num_images} images are kept"
    kept += f", and the checkpoints of {begun} begun batches" if begun > 1 else ", and a checkpoint in a batch" * begun
    log.warning("%s: stopped; %s; the same command goes on from there", dataset.folder, kept)


def _describe(dataset: SyntheticSet, team: Team, plan: Plan, gate: Gate) -> dict[str, Any] | None:
    if not team.is_here:
        return None
    with team.door():  # one at a time: the last one sees all
        return dataset.finish(plan, gate)


def _reserve_logs(trainer: pl.Trainer) -> None:
    """Makes the folders of the logs, which two runs that begin together would share."""
    for logger in trainer.loggers:
        if logger.log_dir is not None:
            Path(logger.log_dir).mkdir(parents=True, exist_ok=True)


def _report(summary: dict[str, Any] | None, shard: Shard, dataset: SyntheticSet, inversion: Inversion) -> float | None:
    shortfall = describe_shortfall(dataset.folder, summary, inversion.plan)
    if shortfall is not None and shard.count == 1:
        raise ValueError(f"{shortfall}; the same command makes the rest")
    if shortfall is not None:
        log.info("%s; shard %d of %d is done", shortfall, shard.index, shard.count)
        return None
    assert summary is not None
    accepted = summary.get("accepted")
    log.info(
        "%s: %d images, %d boxes, %s%s, %.2f s per image, data access %s",
        dataset.folder,
        summary["images"],
        summary["boxes"],
        ", ".join(f"{name} {value:.3f}" for name, value in summary["scores"].items()) or "no scores",
        "" if accepted is None else f", {accepted['images']} accepted",
        summary["seconds_per_image"],
        summary["data_access"],
    )
    log_next(dataset.folder, inversion.teacher.class_names)
    scores = summary["scores"]
    return scores.get("verifier_map50", scores.get("teacher_map50"))
