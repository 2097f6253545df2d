"""The job that trains, or resumes training, a classifier of crops."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from diode_pl.classification.module import Classification
from diode_pl.dashboard import Artifact, Dashboard, RunCard, recorded
from diode_pl.io.atomic import atomic_write, write_picture
from diode_pl.io.json_file import read_json
from diode_pl.io.run_config import FREE_IN_TRAINING, compare_configs
from diode_pl.report import draw_crops, log_closing, write_curves
from diode_pl.report.page import try_write_page
from diode_pl.training.checkpoint import Checkpoint
from diode_pl.training.precision import record_precision
from diode_pl.training.run_folder import RunFolder

log = logging.getLogger(__name__)

_MAX_CROPS = 64  # in crops.png
_RESULTS = ("accuracy", "macro_accuracy", "epochs", "seconds", "parameters")
_MUST = {"": ("classifier", "Use the same classifier, and training images with the same classes")}


def train_classifier(
    module: Classification,
    trainer: pl.Trainer,
    folder: str | Path,
    settings: Mapping[str, Any],
    ckpt: str | Path | None = None,
) -> float | None:
    """Trains a classifier of crops, or resumes the run in the same folder, and writes its report.

    Args:
        module: classifier, losses and data.
        trainer: from :func:`diode_pl.training.trainer.build_training_trainer`.
        folder: gets ``classifier.ckpt`` after every epoch; in the end ``classifier.safetensors``, ``metrics.json``,
            ``curves.png`` and, if crops are held out, ``crops.png``.
        settings: configuration of the run as plain data; stored with the classifier.
        ckpt: a checkpoint to start from; ignored if ``folder`` has its own.

    Returns:
        Accuracy on held-out crops, the mean over classes, or None without held-out crops.

    Raises:
        ValueError: if ``ckpt`` does not fit or was trained on crops to hold out, or the folder holds a different run.
    """
    hashes = {} if module.teacher_sha256 is None else {"teacher_sha256": module.teacher_sha256}
    module.split = _describe_split(module, settings) | hashes
    start = None if ckpt is None else Checkpoint.read(ckpt, module.part)
    if start is not None:
        start.require_same_shapes(module, _MUST)
        _check_split(start, module.split)
    settings = record_precision(settings, trainer) | hashes
    with (
        RunFolder(folder, settings, "classifier", module.part, trainer.is_global_zero) as run,
        recorded(trainer, RunCard("classify", run.folder, settings, _RESULTS)) as dashboards,
    ):
        for dashboard in dashboards:
            dashboard.add_tags(module.provenance.parts)
        if not run.fit_or_resume(module, module.data, trainer, start):
            return None
        score = _write_report(module, run.folder)
        _show(dashboards, run.folder)
        return score


def _show(dashboards: Sequence[Dashboard], folder: Path) -> None:
    for dashboard in dashboards:
        report = read_json(folder / "metrics.json")
        values = {name: report[name] for name in (*_RESULTS, "data_access") if report[name] is not None}
        dashboard.summarize(values)
        dashboard.log_artifact(Artifact.from_file(folder / "classifier.safetensors", values, ()))


def _describe_split(module: Classification, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings that decide which crops exist and which are held out."""
    return {
        "seed": module.data.seed,
        "crops": {"held_out": module.data.held_out, "min_pixels": module.data.min_pixels},
        "train": settings.get("train"),
        "label_source": asdict(module.label_source),
    }


def _check_split(start: Checkpoint, split: Mapping[str, Any]) -> None:
    changed = compare_configs(start.kept.get("split", {}), split, FREE_IN_TRAINING)
    if changed and split["crops"]["held_out"]:
        raise ValueError(
            f"ckpt: {start.path} was trained on other crops, some of which would be held out now: the accuracy would "
            "be measured on training data. Different are"
            + "".join(f"\n  {key}: {before!r} there, {now!r} now" for key, before, now in changed)
            + "\nGo back to those values, leave ckpt out to begin anew, or hold nothing out with held_out=0, "
            "which leaves the accuracy unknown."
        )


def _write_report(classification: Classification, folder: Path) -> float | None:
    data = classification.data
    classification.eval()
    classification.save(folder / "classifier.safetensors")
    write_curves(folder / "curves.png", classification.history)
    level = str(classification.provenance)
    seconds = sum(entry["seconds"] for entry in classification.history)
    facts = {
        "accuracy": classification.scores.get("accuracy"),
        "macro_accuracy": classification.scores.get("macro_accuracy"),
        "per_class": classification.per_class,
        "counts": classification.counts,
        "untrained": classification.untrained,
        "data_access": level,
        "epochs": len(classification.history),
        "seconds": round(seconds, 1),
        "parameters": sum(parameter.numel() for parameter in classification.classifier.parameters()),
        "history": classification.history,
    }
    atomic_write(folder / "metrics.json", json.dumps(facts, indent=1).encode())
    data.setup("validate")  # with spawned processes, this one has not read the data yet
    held_out = data.held_out_crops(_MAX_CROPS)
    if held_out is not None:
        crops, labels = held_out
        with torch.no_grad():
            predicted = classification.classifier(crops).argmax(dim=1)
        write_picture(folder / "crops.png", draw_crops(crops, labels, predicted, data.class_names))
    try_write_page(folder)
    if classification.scores:
        log.info("accuracy on held-out crops %(accuracy).3f, the mean over classes %(macro_accuracy).3f", facts)
    log.info("%s: %d epochs, %.0f s, data access %s", folder, len(classification.history), seconds, level)
    seen = ("curves.png", "how it learned") if held_out is None else ("crops.png", "what it takes held-out crops for")
    weights = "distill.dicod.classifier.weights={}/classifier.safetensors"
    words = ("train.py", "+experiment=quick", "distill=[decoded,dicod_classifier]", weights, "train.root=DIR")
    log_closing(folder, *seen, *words)
    return classification.scores.get("macro_accuracy")
