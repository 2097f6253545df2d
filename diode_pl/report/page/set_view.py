"""The page of a synthetic set."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diode_pl.report.page.comparison import Comparison
from diode_pl.report.page.levels import explain_level
from diode_pl.report.page.plots import draw_bars, draw_histogram, draw_lines
from diode_pl.report.page.synthetic_set import BINS, SetContent
from diode_pl.report.page.view import Chart, Gallery, View

_NAMES = {"targets": "targets", "teacher": "teacher", "verifier": "verifier"}


def view_set(content: SetContent, comparison: Comparison | None = None) -> View:
    """The page of a synthetic set."""
    summary = content.summary
    view = View("Images", content.folder.resolve().name, summary["data_access"], explain_level(summary["data_access"]))
    if teacher := _name_weights(summary.get("teacher", {}).get("config")):
        view.about = f"Made from the detector {teacher}."
    if not summary.get("complete", True):
        present, planned = summary["present"]["images"], summary["planned"]["images"]
        view.warnings.append(f"The set is not complete: {present:,} of {planned:,} images are there.")
    view.figures = _figures(content)
    view.gallery = _gallery(content)
    view.strips = [
        (f"{name}.png", [(f"{iteration:,}", source) for iteration, source in frames])
        for name, frames in content.strips
        if frames
    ]
    view.sections = [section for section in (_course(content), _objects(content), _cost(content)) if section[2]]
    view.comparison = comparison
    overrides = content.configuration.get("overrides")
    if overrides:
        view.details.append(("Command line", " ".join(map(str, overrides))))
    view.details.append(("Versions", "\n".join(f"{k} {v}" for k, v in summary.get("versions", {}).items())))
    view.details.append(("Configuration", json.dumps(content.configuration, indent=1)))
    return view


def _name_weights(config: Any) -> str:
    """File of a detector's weights, as far as its configuration says."""
    weights = config.get("weights") if isinstance(config, dict) else None
    name = weights.get("name") if isinstance(weights, dict) else weights
    return Path(name).name if isinstance(name, str) else ""


def _figures(content: SetContent) -> list[tuple[str, str, str]]:
    summary = content.summary
    scores: Mapping[str, float] = summary.get("scores", {})
    figures = [("images", f"{summary['images']:,}", f"{summary['resolution']} px")]
    figures.append(("boxes", f"{summary['boxes']:,}", f"{summary['boxes_per_image']:.2f} per image"))
    for key, note in (("teacher", "on its own targets"), ("verifier", "had no part in it")):
        if (value := scores.get(f"{key}_map50")) is not None:
            figures.append((f"{key}’s mAP@0.5", f"{value:.3f}", note))
    figures.append(("per image", _duration(summary["seconds_per_image"]), f"{_duration(summary['seconds'])} in all"))
    if content.accepted is not None:
        each = summary["seconds"] / content.accepted if content.accepted else None
        note = "none is" if each is None else f"{_duration(each)} each"
        figures.append(("accepted", f"{content.accepted:,}", note))
    return figures


def _gallery(content: SetContent) -> Gallery:
    present = {source for image in content.images for source in image["boxes"]}
    sources = [(key, name) for key, name in _NAMES.items() if key in present]
    total = content.summary["images"]
    shown = (
        "All images" if len(content.images) == total else f"{len(content.images):,} of {total:,} images, evenly spread"
    )
    note = f"{shown}, as small copies inside this file; links lead to the originals while it lies in its folder."
    if len(sources) == 1:
        note += " What teacher and verifier see in them was not recorded."
    return Gallery(sources, content.class_names, content.images, note)


def _course(content: SetContent) -> tuple[str, str, list[Chart]]:
    charts, ends, done = list[Chart](), list[int](), 0
    for stage in content.stages:
        done += stage["iterations"]
        ends.append(done)
    names = list(dict.fromkeys(name for trace in content.traces for entry in trace for name in entry["losses"]))
    weights = {name for name in names if name.endswith("_weight")}
    for title, chosen in (
        ("Loss terms", [name for name in names if name not in weights]),
        ("Weights of the terms", sorted(weights)),
    ):
        lines = {name.removesuffix("_weight"): _bands(content.traces, name) for name in chosen}
        if lines:
            svg = draw_lines(title, lines, "iteration", log=True, marks=ends[:-1])
            charts.append(Chart(svg, "Median over the batches, and their range." if len(content.traces) > 1 else ""))
    if content.distances:
        lines = {
            when: [list(enumerate(map(float, each[key]), 1)) for each in content.distances]
            for key, when in (("start", "at the start"), ("end", "in the end"))
        }
        note = (
            "Distance between the statistics of the images and those stored in the teacher, in standard deviations: "
            "0 is as in its training data."
        )
        charts.append(Chart(draw_lines("Batch norm distance", lines, "layer", log=True), note))
    stages = ", then ".join(f"{s['iterations']:,} iterations at {s['resolution']} px" for s in content.stages)
    return "How they came about", f"Each batch: {stages}." if stages else "", charts


def _bands(traces: Sequence[Sequence[Mapping[str, Any]]], name: str) -> list[list[tuple[float | int, float | int]]]:
    bands = [[(e["iteration"], e["losses"][name]) for e in trace if name in e["losses"]] for trace in traces]
    return [band for band in bands if band]


def _objects(content: SetContent) -> tuple[str, str, list[Chart]]:
    if not content.summary["boxes"]:
        return "What is on them", "", []
    classes = {name: float(count) for name, count in content.summary["classes"].items()}
    charts = [Chart(draw_bars("Boxes per class", {"boxes": classes}))]
    edges = [i / BINS for i in range(BINS + 1)]
    marked = "anchors of the teacher, fit to its training boxes"
    svg = draw_histogram("Size", edges, content.sides, "√ of the share of the image", "boxes", content.anchors, marked)
    charts.append(Chart(svg))
    most = max(content.objects)
    counts = [content.objects[i] for i in range(most + 1)]
    edges = [i - 0.5 for i in range(most + 2)]
    charts.append(Chart(draw_histogram("Objects per image", edges, counts, "boxes", "images")))
    known = (
        "Of the teacher’s own data, only its classes are known, and its anchors, which sum up the sizes."
        if content.anchors
        else "Nothing is known of the sizes and numbers in the teacher’s own data."
    )
    return "What is on them", known, charts


def _cost(content: SetContent) -> tuple[str, str, list[Chart]]:
    if not content.summary["seconds"] or len(content.costs) < 2:
        return "What they cost", "", []
    points = [(float(number), seconds / images) for number, images, seconds in content.costs]
    svg = draw_lines("Seconds per image", {"seconds per image": [points]}, "batch")
    return "What they cost", f"{_duration(content.summary['seconds'])} of computing in all.", [Chart(svg)]


def _duration(seconds: float | int) -> str:
    """Seconds in words, as exactly as it matters."""
    if seconds < 100:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:,.0f} min" if seconds < 5400 else f"{seconds / 3600:,.1f} h"
