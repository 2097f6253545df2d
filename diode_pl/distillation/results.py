"""What a training shows in the end: the best epoch, and the files it leaves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diode_pl.dashboard import Artifact, Dashboard
from diode_pl.data.readers import ImageSet, Synthetic, WeightedUnion
from diode_pl.io.json_file import read_json

RESULTS = ("AP50", "AP", "AP75", "F1", "teacher_AP50", "teacher_AP", "best_epoch", "epochs", "seconds", "parameters")


def show_sets(dashboards: Sequence[Dashboard], images: ImageSet | None) -> tuple[str, ...]:
    """Notes the synthetic sets that a training reads; returns their names, of a union all of them."""
    if not dashboards:
        return ()
    sets = [Artifact.from_set(each.root, read_json(each.root / "dataset.json")) for each in _synthetic(images)]
    for dashboard in dashboards:
        for each in sets:
            dashboard.use_artifact(each)
    return tuple(each.name for each in sets)


def _synthetic(images: ImageSet | None) -> list[Synthetic]:
    if isinstance(images, WeightedUnion):
        return [found for each in images.sets.values() for found in _synthetic(each)]
    return [images] if isinstance(images, Synthetic) else []


def show_student(dashboards: Sequence[Dashboard], folder: Path, made_from: tuple[str, ...]) -> None:
    """Shows the scores of the best epoch, and keeps the student and its ONNX file.

    Args:
        dashboards: of the run.
        folder: with the report of the training.
        made_from: names of the sets that it learned from.
    """
    if not dashboards:
        return
    report = read_json(folder / "metrics.json")
    values = summarize_report(report)
    student = Artifact.from_file(folder / "student.safetensors", values, made_from)
    files = [student]
    if (onnx := folder / "student.onnx").is_file():
        files.append(Artifact.from_file(onnx, {"difference": report["onnx_difference"]}, (student.name,)))
    for dashboard in dashboards:
        dashboard.summarize(values)
        for each in files:
            dashboard.log_artifact(each)


def show_scores(dashboards: Sequence[Dashboard], path: Path) -> None:
    """Shows the scores of an evaluation, from the file that it wrote."""
    for dashboard in dashboards:
        report = read_json(path)
        dashboard.summarize({**_scores(report), "data_access": report["data_access"]})


def summarize_report(report: Mapping[str, Any]) -> dict[str, Any]:
    """The results of a training in one row.

    Args:
        report: content of ``metrics.json``.

    Returns:
        Scores of the student under the names that they were logged by, too, so that a dashboard which shows the last
        epoch by itself shows the best one.
    """
    facts = {key: report[key] for key in ("epochs", "seconds", "parameters", "data_access")}
    logged = {f"val/{name}": value for name, value in report["student"].items()}
    return {**_scores(report), **logged, "best_epoch": report["exported"]["epoch"], **facts}


def _scores(report: Mapping[str, Any]) -> dict[str, float]:
    values = {**report["student"]} | {f"teacher_{name}": value for name, value in report["teacher"].items()}
    return {name: value for name, value in values.items() if name in RESULTS}
