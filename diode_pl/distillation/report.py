"""Report files of a training or an evaluation: scores, pictures, weights, ONNX."""

import json
import logging
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diode_pl.data import Batch
from diode_pl.detector import Detections, Detector
from diode_pl.distillation.evaluation import Evaluation
from diode_pl.distillation.module import Distillation
from diode_pl.io.atomic import atomic_write, write_picture
from diode_pl.report import draw_predictions, export_onnx, log_closing, predict_words, save_weights, write_curves
from diode_pl.report.page import try_write_page
from diode_pl.report.predictions import write_predictions
from diode_pl.training.run_folder import read_best

log = logging.getLogger(__name__)

SHOWN = 16  # in predictions.png
ANALYZED = 200  # in predictions/, for the page
_PATIENCE, _PART = 60.0, 16  # seconds until fewer images are enough, and how many are predicted at a time
_MIN_CONFIDENCE = 0.3  # of the detections that are drawn
_LOGGED = ("AP50", "AP", "F1")


def write_report(distillation: Distillation, folder: Path) -> float | None:
    """Writes the student of the best epoch in two formats, its scores and its pictures.

    The best epoch is that of highest AP50 on the validation images; without any it is the last. The history and the
    curves show all epochs.

    Args:
        distillation: on the CPU, after its last epoch; its student becomes that of the best.
        folder: gets ``student.safetensors``, the student's :meth:`~Detector.native_files`,
            ``metrics.json``, ``curves.png``, ``predictions.png``, ``student.onnx`` at the validation resolution if the
            student can be exported, and, if images were held out from the training images, ``train.txt`` and
            ``held_out.txt`` with their names.

    Returns:
        AP50 of the student, or None without validation images.
    """
    distillation.data.list_held_out(folder)
    student, history, data = distillation.student.eval(), distillation.history, distillation.data
    best = None if data.val is None else read_best(folder)
    if best is not None:
        student.load_state_dict(best.weights_of("student"))
        distillation.per_class = best.kept["per_class"]
    exported = {"epoch": len(history) if best is None else best.epochs, "of": len(history)}
    entry = history[exported["epoch"] - 1] if history else {}
    scores = {name.removeprefix("val/"): value for name, value in entry.items() if name.startswith("val/")}
    level, which = str(distillation.provenance), "epoch {epoch} of {of}".format(**exported)
    notes = {key: distillation.student_notes[key] for key in ("data_access", "resolution")} | {"exported": which}
    notes |= {name: f"{value:.4f}" for name, value in scores.items()}
    save_weights(student, folder / "student.safetensors", notes)
    for suffix, content in student.native_files(int(notes["resolution"])).items():
        atomic_write(folder / f"student{suffix}", content)
    teacher = {f"val/{name}": value for name, value in distillation.teacher_scores.items()}
    write_curves(folder / "curves.png", history, teacher)
    facts = {
        "data_access": level,
        "exported": exported,
        "epochs": len(history),
        "seconds": round(sum(entry["seconds"] for entry in history), 1),
        "parameters": sum(parameter.numel() for parameter in student.parameters()),
        "onnx_difference": None,
        "distill": distillation.objective.facts,
        "history": history,
    }
    write_scores(distillation, folder, scores, facts)
    # Last, and not an error if it fails: exporters do not support every operator.
    facts["onnx_difference"] = _try_export(
        student, folder / "student.onnx", data.resolution if data.val is None else data.val.resolution
    )
    _write_facts(distillation, folder / "metrics.json", scores, facts)
    try_write_page(folder)
    what = "the last" if best is None else "the best"
    log.info("%s: the student of %s, %s; %.0f s, data access %s", folder, which, what, facts["seconds"], level)
    seen = ("curves.png", "how it learned") if data.val is None else ("predictions.png", "what it finds")
    log_closing(folder, *seen, *predict_words(student, "{}/student.safetensors"))
    return scores.get("AP50")


def write_scores(
    evaluation: Evaluation,
    folder: Path,
    scores: dict[str, float],
    facts: dict[str, Any],
    names: tuple[str, str, str] = ("metrics.json", "predictions.png", "predictions"),
) -> None:
    """Writes the scores and, if there are validation images, a picture and a folder of both detectors' predictions.

    Args:
        scores: of the student.
        facts: further entries of the JSON file.
        names: of the files and of the folder.
    """
    _write_facts(evaluation, folder / names[0], scores, facts)
    data = evaluation.data
    if data.val is None:
        return
    for who, values in (("teacher", evaluation.teacher_scores), ("student", scores)):
        if values:
            log.info("%s: AP50 %.3f, AP %.3f, F1 %.3f on validation images", who, *(values[k] for k in _LOGGED))
    batch = Batch.from_examples(data.validation_examples(SHOWN)).to_float()
    detections = {}
    if evaluation.teacher is not None:
        detections["teacher"] = evaluation.predict_with(evaluation.teacher.cpu(), batch, _MIN_CONFIDENCE)
    detections["student"] = evaluation.predict_with(evaluation.student.cpu().eval(), batch, _MIN_CONFIDENCE)
    sheet = draw_predictions(batch.images, batch.targets, detections, evaluation.student.class_names, _MIN_CONFIDENCE)
    write_picture(folder / names[1], sheet)
    _keep_predictions(evaluation, folder / names[2])


def _keep_predictions(evaluation: Evaluation, folder: Path) -> None:
    """Writes what both detectors find on some validation images, in random order, until patience ends."""
    examples = evaluation.data.validation_examples(ANALYZED)
    random.Random(0).shuffle(examples)
    detectors: dict[str, tuple[Detector, Sequence[int]]] = {"student": (evaluation.student, evaluation.data.evaluated)}
    if evaluation.teacher is not None and evaluation.shared:
        detectors = {"teacher": (evaluation.teacher, evaluation.shared)} | detectors
    found, used, end = {role: list[Detections]() for role in detectors}, 0, time.monotonic() + _PATIENCE
    while used < len(examples) and (not used or time.monotonic() < end):
        batch = Batch.from_examples(examples[used : used + _PART]).to_float()
        for role, (detector, _) in detectors.items():
            found[role] += evaluation.predict_with(detector, batch, evaluation.confidence)
        used += len(batch.images)
    batch = Batch.from_examples(examples[:used]).to_float()
    known = {role: labels for role, (_, labels) in detectors.items()}
    names, count = [Path(name).name for name in batch.names], len(evaluation.data.open_validation_set())
    write_predictions(folder, batch.images, names, batch.targets, found, evaluation.student.class_names, known, count)


def _write_facts(evaluation: Evaluation, path: Path, scores: dict[str, float], facts: dict[str, Any]) -> None:
    sets = {"train": evaluation.data.train, "val": evaluation.data.val}
    content = {
        "student": scores,
        "teacher": evaluation.teacher_scores,
        **facts,
        "resolution": {name: None if images is None else images.resolution for name, images in sets.items()},
        "skipped": evaluation.count_skipped(),
        "per_class": evaluation.per_class,
        "teacher_per_class": evaluation.teacher_per_class,
    }
    atomic_write(path, json.dumps(content, indent=1).encode())


def _try_export(student: Detector, path: Path, resolution: int) -> float | None:
    try:
        difference = export_onnx(student, path, resolution)
    except Exception as error:  # exporter and runtime raise many types
        path.unlink(missing_ok=True)  # from an earlier epoch
        reason = str(error).strip().partition("\n")[0]  # exporters add pages of advice
        log.warning("%s is not written: %s: %s", path, type(error).__name__, reason)
        return None
    log.info("student.onnx: boxes and scores differ from torch by at most %.1e", difference)
    return difference
