"""What a training, or a measurement alone, leaves behind."""

import io
import json
import logging
from pathlib import Path
from typing import Any

from diode_pl.data import Batch, DetectionData, write_whole
from diode_pl.detector import Detector
from diode_pl.distillation import Distillation
from diode_pl.report import Found, curves, export_onnx, prediction_sheet, save_weights

log = logging.getLogger(__name__)

_SHOWN = 16  # images in predictions.png
_LIKELY = 0.3  # confidence above which a detection is drawn


def write_outcome(distillation: Distillation, data: DetectionData, folder: Path) -> float | None:
    """Writes the student in two formats, its scores and its pictures.

    Args:
        distillation: on the CPU, with the student's final weights and the history that led to them.
        data: what it was trained and measured on.
        folder: gets ``student.safetensors``, ``student.onnx``, ``metrics.json``, ``curves.png``, ``predictions.png``.

    Returns:
        AP50 of the student, None without validation images.
    """
    student, history = distillation.student.eval(), distillation.history
    last = history[-1] if history else {}
    scores = {name.removeprefix("val/"): value for name, value in last.items() if name.startswith("val/")}
    level = access_level(distillation, data)
    notes = {"data_access": level} | {name: f"{value:.4f}" for name, value in scores.items()}
    save_weights(student, folder / "student.safetensors", notes)
    difference = export_onnx(student, folder / "student.onnx", data.train.resolution)
    log.info("student.onnx: boxes and scores differ from torch by at most %.1e", difference)
    picture = io.BytesIO()
    curves(history, {f"val/{name}": value for name, value in distillation.teacher_scores.items()}).savefig(
        picture, format="png"
    )
    write_whole(folder / "curves.png", picture.getvalue())
    measured = [entry for entry in history if "val/AP50" in entry]
    best = max(measured, key=lambda entry: entry["val/AP50"]) if measured else None
    facts = {
        "data_access": level,
        "best": best and {"epoch": int(best["epoch"]), "AP50": best["val/AP50"]},
        "epochs": len(history),
        "seconds": round(sum(entry["seconds"] for entry in history), 1),
        "parameters": sum(parameter.numel() for parameter in student.parameters()),
        "onnx_difference": difference,
        "history": history,
    }
    write_scores(distillation, data, folder, scores, facts)
    log.info("%s: %d epochs, %.0f s, data access %s", folder, len(history), facts["seconds"], level)
    return scores.get("AP50")


def write_scores(
    distillation: Distillation,
    data: DetectionData,
    folder: Path,
    scores: dict[str, float],
    facts: dict[str, Any],
    names: tuple[str, str] = ("metrics.json", "predictions.png"),
) -> None:
    """Writes the scores and, where there are validation images, a picture of what both detectors find.

    Args:
        distillation: whose student the scores are of.
        data: what it was measured on.
        folder: where to.
        scores: of the student.
        facts: what else shall stand beside the scores.
        names: of the two files.
    """
    content = {"student": scores, "teacher": distillation.teacher_scores, **facts}
    content["per_class"] = distillation.per_class
    write_whole(folder / names[0], json.dumps(content, indent=1).encode())
    if data.val is None:
        return
    shown = [example for example in data.validation_examples(_SHOWN) if example is not None]
    batch = Batch.of(shown).scaled()
    columns: dict[str, list[Found]] = {"truth": [(boxes, labels, None) for boxes, labels in batch.targets.per_image()]}
    if distillation.teacher is not None:
        columns["teacher"] = _likely(distillation, distillation.teacher.cpu(), batch)
    columns["student"] = _likely(distillation, distillation.student.cpu().eval(), batch)
    picture = io.BytesIO()
    prediction_sheet(batch.images, columns, distillation.student.class_names).save(picture, format="png")
    write_whole(folder / names[1], picture.getvalue())
    for who, values in (("teacher", distillation.teacher_scores), ("student", scores)):
        if values:
            log.info("%s: AP50 %.3f, AP %.3f, F1 %.3f on validation images", who, *(values[k] for k in _SAID))


_SAID = ("AP50", "AP", "F1")


def access_level(distillation: Distillation, data: DetectionData) -> str:
    """What the student has seen, besides the teacher: ``teacher-only``, or ``teacher +proxy images``, ..."""
    levels = set[str]()
    for seen in data.data_access:
        levels |= {level.strip(" -") for level in seen.removeprefix("teacher").removeprefix("-only").split("+")}
    synthetic = any(seen.startswith("teacher") for seen in data.data_access)
    if any(loss.needs_labels for loss in distillation.terms.values()) and not synthetic:
        levels.add("real labels")
    start = "teacher" if distillation.teacher is not None or synthetic else "no teacher"
    listed = "".join(f" +{level}" for level in sorted(levels - {""}))
    return start + listed if listed else "teacher-only"


def _likely(distillation: Distillation, detector: Detector, batch: Batch) -> list[Found]:
    found = distillation.found_by(detector, batch, _LIKELY)
    return [(each.boxes, each.labels, each.scores) for each in found]
