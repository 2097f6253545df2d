"""A run of the training of a classifier, from where it stands to the finished file."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from diode_pl.classification.datamodule import CropData
from diode_pl.classification.module import Classification
from diode_pl.data.pseudo_labels import LabelPolicy
from diode_pl.detector import Detector
from diode_pl.io.atomic import atomic_write, write_picture
from diode_pl.io.run_config import FREE_IN_TRAINING, differences
from diode_pl.provenance import Provenance
from diode_pl.report import crop_sheet, write_curves
from diode_pl.training.resume import fit_or_resume, read_compatible_checkpoint, require_weights
from diode_pl.training.run_folder import TrainingFolder

log = logging.getLogger(__name__)

_SHOWN = 64  # crops in crops.png
_PART = "classification"
_MUST = {"": ("classifier", "The classifier, with the classes of data@train, must be the one that it was made with")}


def train_classifier(
    classification: Classification,
    data: CropData,
    trainer: pl.Trainer,
    folder: str | Path,
    settings: Mapping[str, Any],
    fit: bool = True,
    ckpt: str | Path | None = None,
    tiled: int = 0,
    label_source: LabelPolicy | None = None,
    teacher: Detector | None = None,
) -> float | None:
    """Trains a classifier of crops, or goes on where an earlier run in the same folder stopped.

    Args:
        classification: what to train.
        data: what to train on.
        trainer: of :func:`diode_pl.training.trainer.training_trainer`.
        folder: gets ``classifier.ckpt`` after every epoch; in the end ``classifier.safetensors``, ``metrics.json``,
            ``curves.png`` and, where crops are held out, ``crops.png``.
        settings: of the run, as plain data; kept with the classifier.
        fit: True; what measures alone measures a student.
        ckpt: a checkpoint to go on from; left alone where ``folder`` has its own.
        tiled: 0; what writes tiled images trains nothing.
        label_source: which boxes count as objects; those of the data set when not given.
        teacher: whom it asks; without one, agreement is not looked for.

    Returns:
        Accuracy on held-out crops, the mean over classes; None where none are held out.

    Raises:
        ValueError: the parts do not fit each other, the teacher has random weights, ``ckpt`` has learned from what
            would be held out, the folder holds another run, or something else than a training was asked for.
    """
    if not fit:
        raise ValueError(
            "fit=false measures a student, and job=classifier only trains: metrics.json in the folder of its training "
            "tells how good a classifier is. Leave fit=false out, or take job=distillation"
        )
    if tiled:
        raise ValueError(
            f"tiled={tiled} writes images, and job=classifier only trains. Leave tiled out, or take job=distillation"
        )
    classification.prepare(data)
    label_source = label_source or LabelPolicy()
    asked = _asked(data, label_source, teacher)
    brought = {} if asked is None else {"teacher_sha256": asked.fingerprint()}
    classification.split = _split(data, label_source, settings) | brought
    if ckpt is not None:
        _check_split(ckpt, read_compatible_checkpoint(ckpt, classification, _PART, _MUST)[_PART], classification.split)
    seen = data.provenance.with_labels(read=label_source.reads_data)
    classification.outside = not seen.teacher  # to be asked of labels makes no image
    classification.provenance = seen | Provenance(teacher=asked is not None)
    run = TrainingFolder(folder, dict(settings) | brought, "classifier", _PART)
    if not fit_or_resume(run, classification, data, trainer, ckpt):
        return None
    return _write(classification, data, run.folder)


def _asked(data: CropData, label_source: LabelPolicy, teacher: Detector | None) -> Detector | None:
    """The teacher, where it is asked which objects count."""
    if not label_source.needs_teacher:
        return None
    if teacher is not None:
        require_weights(teacher)
        data.use_teacher(label_source, teacher)
        return teacher
    if label_source.source != "sampled":
        raise ValueError(
            f"label_source={label_source.source} asks the teacher, got detector@teacher=none; name one, or take "
            "label_source=sampled"
        )
    log.info("detector@teacher=none: every labeled object counts, whatever label_source.agreement says")
    return None


def _split(data: CropData, label_source: LabelPolicy, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What decides which crops there are, and which of them are held out."""
    return {
        "seed": data.seed,
        "crops": {"held_out": data.held_out, "min_pixels": data.min_pixels},
        "train": settings.get("train"),
        "label_source": asdict(label_source),
    }


def _check_split(ckpt: str | Path, kept: Mapping[str, Any], split: Mapping[str, Any]) -> None:
    changed = differences(kept.get("split", {}), split, FREE_IN_TRAINING)
    if changed and split["crops"]["held_out"]:
        raise ValueError(
            f"ckpt: {ckpt} has learned from other crops, of which some would be held out now: what it knows by heart "
            "would pass for accuracy. Different are"
            + "".join(f"\n  {key}: {before!r} there, {now!r} now" for key, before, now in changed)
            + "\nGo back to those values, leave ckpt out to begin anew, or hold nothing out with crops.held_out=0, "
            "which leaves the accuracy unknown."
        )


def _write(classification: Classification, data: CropData, folder: Path) -> float | None:
    """What a finished training leaves behind, beside its checkpoint."""
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
    data.setup("validate")  # processes that were started for the training read for themselves
    shown = data.held_out_crops(_SHOWN)
    if shown is not None:
        crops, labels = shown
        with torch.no_grad():
            found = classification.classifier(crops).argmax(dim=1)
        write_picture(folder / "crops.png", crop_sheet(crops, labels, found, data.class_names))
    if classification.scores:
        log.info("accuracy on held-out crops %(accuracy).3f, the mean over classes %(macro_accuracy).3f", facts)
    log.info("%s: %d epochs, %.0f s, data access %s", folder, len(classification.history), seconds, level)
    return classification.scores.get("macro_accuracy")
