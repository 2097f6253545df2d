"""Several runs side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diode_pl.io.json_file import read_json
from diode_pl.io.quoting import shorten
from diode_pl.io.run_config import FREE, FREE_IN_TRAINING, compare_configs

_MOST = 12  # keys that are shown of a difference
_OF_SETS = {
    "images": ("images", "{:,}"),
    "boxes per image": ("boxes_per_image", "{:.2f}"),
    "teacher's mAP@0.5": ("scores.teacher_map50", "{:.3f}"),
    "verifier's mAP@0.5": ("scores.verifier_map50", "{:.3f}"),
    "seconds per image": ("seconds_per_image", "{:.2f}"),
    "data access": ("data_access", "{}"),
}
_OF_TRAININGS = {
    "AP@0.5": ("student.AP50", "{:.3f}"),
    "AP": ("student.AP", "{:.3f}"),
    "F1": ("student.F1", "{:.3f}"),
    "teacher's AP@0.5": ("teacher.AP50", "{:.3f}"),
    "accuracy": ("accuracy", "{:.3f}"),
    "parameters": ("parameters", "{:,}"),
    "epochs": ("epochs", "{:,}"),
    "seconds": ("seconds", "{:,.0f}"),
    "data access": ("data_access", "{}"),
}


@dataclass
class Comparison:
    """A table of runs.

    Args:
        names: of the runs, the page's own first.
        rows: heading, and a text for each run, ``–`` where it has no such value.
        differences: of each other run, key, value there and value of the page's own run.
        histories: AP@0.5 by epoch of each run that has one.
    """

    names: list[str]
    rows: list[tuple[str, list[str]]]
    differences: list[list[tuple[str, str, str]]]
    histories: dict[str, list[tuple[float | int, float | int]]]


def compare_runs(folder: Path, others: Sequence[Path], kind: str) -> Comparison | None:
    """Compares runs of one kind; None without others.

    Args:
        folder: of the page's own run.
        others: folders of the others.
        kind: file that holds the results: ``dataset.json``, ``metrics.json`` or ``measured.json``.

    Raises:
        ValueError: if another folder holds no such run.
    """
    if not others:
        return None
    places = [folder, *others]
    facts = [_read(place, kind) for place in places]
    table = _OF_SETS if kind == "dataset.json" else _OF_TRAININGS
    rows = [(heading, [_text(each, *where) for each in facts]) for heading, where in table.items()]
    rows = [(heading, values) for heading, values in rows if set(values) != {"–"}]
    own, free = _configuration(folder), FREE if kind == "dataset.json" else FREE_IN_TRAINING
    differences = []
    for place in others:
        changed = compare_configs(own, _configuration(place), free)
        told = [(key, shorten(str(there), 60), shorten(str(here), 60)) for key, here, there in changed[:_MOST]]
        differences.append(told + [("…", f"{len(changed) - _MOST} more", "")] * (len(changed) > _MOST))
    names = _name(places)
    histories = {
        name: [(e["epoch"] + 1, e["val/AP50"]) for e in each.get("history", ()) if "val/AP50" in e]
        for name, each in zip(names, facts, strict=True)
    }
    return Comparison(names, rows, differences, {name: points for name, points in histories.items() if points})


def _read(folder: Path, kind: str) -> Mapping[str, Any]:
    try:
        facts = read_json(folder / kind)
    except FileNotFoundError:
        raise ValueError(f"{folder} has no {kind}: compare runs of one kind, that have ended") from None
    if not isinstance(facts, dict):
        raise ValueError(f"{folder / kind} does not hold the results of a run")
    return facts


def _configuration(folder: Path) -> Mapping[str, Any]:
    for name in ("configuration.json", "plan.json"):
        try:
            content = read_json(folder / name)
        except (OSError, ValueError):
            continue
        return content.get("configuration", content) if isinstance(content, dict) else {}
    return {}


def _text(facts: Mapping[str, Any], where: str, form: str) -> str:
    value: Any = facts
    for key in where.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return "–" if value is None else form.format(value)


def _name(places: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths that tell them apart."""
    parts = [place.resolve().parts for place in places]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(each[-length:]) for each in parts]
        if len(set(names)) == len(names):
            return names
    return [f"{i + 1}. {place}" for i, place in enumerate(places)]
