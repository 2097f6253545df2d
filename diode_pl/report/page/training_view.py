"""The page of a training or an evaluation."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from diode_pl.metrics import ERROR_TYPES
from diode_pl.report.page.comparison import Comparison
from diode_pl.report.page.levels import explain_level
from diode_pl.report.page.plots import draw_bars, draw_lines
from diode_pl.report.page.training import TrainingContent
from diode_pl.report.page.view import Chart, Gallery, View

_SCORES = ("AP50", "AP", "F1", "accuracy", "macro_accuracy")
_DETECTORS = ("teacher", "student")


def view_training(content: TrainingContent, comparison: Comparison | None = None) -> View:
    """The page of a training or an evaluation."""
    metrics, title = content.metrics, content.folder.resolve().name
    kind = "Classifier" if "accuracy" in metrics else "Student" if "history" in metrics else "Evaluation"
    level = str(metrics["data_access"])
    view = View(kind, title, level, explain_level(level))
    if root := (content.configuration.get("train") or {}).get("root"):
        view.about = f"Trained on {root}."
    view.figures = _figures(metrics)
    if content.images:
        view.gallery = _gallery(content)
    view.sections = [section for section in (_curves(metrics), _classes(metrics), _errors(content)) if section[2]]
    if metrics.get("per_class"):
        view.tables.append(_class_table(metrics))
    if content.crops is not None:
        view.picture = "Held-out crops, and what they are taken for", content.crops
    view.comparison = comparison
    if comparison is not None and comparison.histories:
        view.chart_of_runs = draw_lines(
            "AP@0.5 of the runs", {k: [v] for k, v in comparison.histories.items()}, "epoch"
        )
    if overrides := content.configuration.get("overrides"):
        view.details.append(("Command line", " ".join(map(str, overrides))))
    scores = {key: value for key, value in metrics.items() if key not in ("history", "per_class", "teacher_per_class")}
    view.details.append(("All scores", json.dumps(scores, indent=1)))
    if content.configuration:
        view.details.append(("Configuration", json.dumps(content.configuration, indent=1)))
    return view


def _figures(metrics: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    student, teacher = metrics.get("student") or {}, metrics.get("teacher") or {}
    figures = list[tuple[str, str, str]]()
    for key, name in (("AP50", "AP@0.5"), ("AP", "AP"), ("F1", "F1")):
        if key in student:
            of_teacher = f"teacher {teacher[key]:.3f}" if key in teacher else ""
            figures.append((name, f"{student[key]:.3f}", of_teacher))
    for key, name in (("accuracy", "accuracy"), ("macro_accuracy", "mean over classes")):
        if metrics.get(key) is not None:
            figures.append((name, f"{metrics[key]:.3f}", "on held-out crops"))
    if "parameters" in metrics:
        figures.append(("parameters", _short(metrics["parameters"]), ""))
    if exported := metrics.get("exported"):
        figures.append(("epoch", f"{exported['epoch']}", f"of {exported['of']}, the one that is kept"))
    if metrics.get("seconds"):
        minutes = metrics["seconds"] / 60
        figures.append(("training", f"{minutes:,.1f} min" if minutes < 90 else f"{minutes / 60:,.1f} h", ""))
    return figures


def _gallery(content: TrainingContent) -> Gallery:
    present = {source for image in content.images for source in image["boxes"]}
    sources = [(key, key) for key in ("truth", *_DETECTORS) if key in present]
    shown = "All" if len(content.images) == content.of else f"{len(content.images):,} of {content.of:,}"
    note = f"{shown} validation images, as small copies inside this file."
    return Gallery(sources, content.class_names, content.images, note, ERROR_TYPES[:-1])


def _curves(metrics: Mapping[str, Any]) -> tuple[str, str, list[Chart]]:
    history: Sequence[Mapping[str, float | int]] = metrics.get("history") or ()
    charts, keys = list[Chart](), sorted({key for entry in history for key in entry})
    losses = {key.removeprefix("loss/"): [_points(history, key)] for key in keys if re.fullmatch("loss/[^/]+", key)}
    if losses:
        charts.append(Chart(draw_lines("Losses", losses, "epoch", log=True)))
    scores = {key: [_points(history, f"val/{key}")] for key in _SCORES if f"val/{key}" in keys}
    if scores:
        of_teacher = (metrics.get("teacher") or {}).get("AP50")
        level = None if of_teacher is None else (f"teacher’s AP50 {of_teacher:.3f}", of_teacher)
        charts.append(Chart(draw_lines("Scores on validation images", scores, "epoch", level=level)))
    if "lr" in keys:
        charts.append(Chart(draw_lines("Learning rate", {"lr": [_points(history, "lr")]}, "epoch")))
    return "How it learned", "", charts


def _points(history: Sequence[Mapping[str, float | int]], key: str) -> list[tuple[float | int, float | int]]:
    return [(entry["epoch"] + 1, entry[key]) for entry in history if key in entry]


def _classes(metrics: Mapping[str, Any]) -> tuple[str, str, list[Chart]]:
    series = {}
    for name, key in (("student", "per_class"), ("teacher", "teacher_per_class")):
        scores = metrics.get(key) or {}
        values = {c: each["AP50"] for c, each in scores.items() if isinstance(each, dict) and "AP50" in each}
        if values:
            series[name] = values
    if not series:
        return "By class", "", []
    return "By class", "", [Chart(draw_bars("AP@0.5 by class", series, digits="{:.2f}"))]


def _class_table(metrics: Mapping[str, Any]) -> tuple[str, list[str], list[list[str]]]:
    scores = {name: each for name, each in metrics["per_class"].items() if isinstance(each, dict)}
    if not scores:  # a classifier has one number of each class
        rows = [[name, f"{value:.3f}"] for name, value in metrics["per_class"].items() if value is not None]
        return "Scores of every class", ["class", "accuracy"], rows
    keys = [
        key for key in ("AP", "AP50", "AP75", "precision", "recall", "F1") if any(key in e for e in scores.values())
    ]
    rows = [
        [name, *(f"{each[key]:.3f}" if key in each else "–" for key in keys), f"{each.get('truths', 0):.0f}"]
        for name, each in scores.items()
    ]
    return "Scores of every class", ["class", *keys, "objects"], rows


def _errors(content: TrainingContent) -> tuple[str, str, list[Chart]]:
    errors = {role: content.errors[role] for role in reversed(_DETECTORS) if role in content.errors}
    if not errors:
        return "What goes wrong", "", []
    costs = {role: each["costs"] for role, each in errors.items()}
    counts = {role: {k: float(v) for k, v in each["counts"].items()} for role, each in errors.items()}
    confidence = next(iter(errors.values()))["confidence"]
    charts = [
        Chart(
            draw_bars("AP@0.5 lost by type of error", costs, digits="{:.3f}"),
            "By how much it would rise if an oracle mended this type alone; they do not add up.",
        ),
        Chart(draw_bars("Number of errors", counts), f"Among detections that score at least {confidence:g}."),
    ]
    aps = ", ".join(f"{role} {each['ap50']:.3f}" for role, each in errors.items())
    where = f"the {len(content.images):,} images above, where AP@0.5 is: {aps}"
    text = f"Types as in TIDE (Bolya et al., ECCV 2020), on {where}."
    return "What goes wrong", text, charts


def _short(count: int) -> str:
    return f"{count / 1e6:.2f} M" if count >= 1e5 else f"{count:,}"
