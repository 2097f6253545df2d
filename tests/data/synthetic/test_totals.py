"""Totals of a synthetic set."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from diode_pl.data.synthetic.totals import Totals
from tests.data.batches import NAMES, data_set, finished


def records(folder: Path, *batches) -> list[dict[str, Any]]:
    for batch in batches:
        data_set(folder).write(batch)
    return [json.loads(path.read_text()) for path in sorted((folder / "batches").glob("*.json"))]


def summarize(batches: Iterable[dict[str, Any]]) -> dict[str, Any]:
    totals = Totals(NAMES)
    for record in batches:
        totals.add(record)
    return totals.summarize(None)


def test_totals_are_those_of_the_batches(tmp_path: Path) -> None:
    first, second = finished(0, count=6, seconds=3.0), finished(1, count=3, first=6, seconds=1.5)
    summary = summarize(records(tmp_path, first, second))
    assert summary["images"] == 9 and summary["batches"] == 2
    assert summary["boxes"] == 9 and summary["boxes_per_image"] == 1.0
    assert summary["seconds"] == 4.5 and summary["seconds_per_image"] == 0.5
    labels = [*first.targets.compact().labels.tolist(), *second.targets.compact().labels.tolist()]
    assert summary["classes"] == {name: labels.count(i) for i, name in enumerate(NAMES)}
    assert summary["data_access"] == "teacher-only"


def test_scores_are_means_over_images_and_only_those_that_every_batch_has(tmp_path: Path) -> None:
    small = finished(0, count=1, scores={"teacher_map50": 1.0, "verifier_map50": 0.5})
    large = finished(1, count=3, first=1, scores={"teacher_map50": 0.2})
    assert summarize(records(tmp_path, small, large))["scores"] == {"teacher_map50": pytest.approx(0.4)}


def test_batches_without_a_box_to_measure_on_have_no_share_in_a_score(tmp_path: Path) -> None:
    nothing = {"boxes": [], "labels": [], "scores": []}
    both = {"detections": {"teacher": [nothing], "verifier": [nothing]}}
    first = finished(0, count=1, scores={"teacher_map50": 1.0, "verifier_map50": 0.5}, notes=both)
    second = finished(1, count=1, scores={"teacher_map50": 0.5}, notes=both)
    assert summarize(records(tmp_path, first, second))["scores"] == {"teacher_map50": 0.75, "verifier_map50": 0.5}
    third = finished(2, count=1, scores={"teacher_map50": 0.0})
    assert summarize(records(tmp_path, first, second, third))["scores"] == {"teacher_map50": 0.5}, "it did not look"


def test_box_sides_are_counted_in_tenths() -> None:
    sides = [(8, 8), (25, 25), (100, 4), (100, 100), (45, 45)]  # of 100 pixels: 0.08, 0.25, 0.2, 1.0, 0.45
    entry = {"width": 100, "height": 100, "labels": [0] * 5, "boxes": [[0, 0, w, h] for w, h in sides]}
    record = {"images": [entry], "seconds": 1.0, "scores": {}, "data_access": "teacher-only", "versions": {}}
    record["configuration"] = {}
    histogram = summarize([record])["box_side"]
    assert {name: count for name, count in histogram.items() if count} == {
        "0.0-0.1": 1, "0.2-0.3": 2, "0.4-0.5": 1, "0.9-1.0": 1
    }  # fmt: skip
    assert len(histogram) == 10


def test_versions_and_levels_of_all_batches_are_stated(tmp_path: Path) -> None:
    made = records(tmp_path, finished(0), finished(1))
    made[1]["versions"] = made[1]["versions"] | {"torch": "9.9"}
    made[1]["data_access"] = "teacher +verifier"
    summary = summarize(made)
    assert summary["versions"]["torch"] == f"{made[0]['versions']['torch']}, 9.9"
    assert summary["data_access"] == "teacher +verifier"
