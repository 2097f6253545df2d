"""Runs side by side."""

import json
from pathlib import Path

import pytest

from diode_pl.report.page.comparison import compare_runs
from tests.report.page.runs import write_set, write_training


def test_trainings_with_what_differs(tmp_path: Path) -> None:
    first = write_training(tmp_path / "first", images=1)
    other = write_training(tmp_path / "other", images=1, student={"AP50": 0.25}, parameters=None)
    (other / "configuration.json").write_text(json.dumps({"seed": 1, "train": {"root": "runs/set"}}))
    comparison = compare_runs(first, [other], "metrics.json")
    assert comparison is not None and comparison.names == ["first", "other"]
    rows = dict(comparison.rows)
    assert rows["AP@0.5"] == ["0.500", "0.250"] and rows["parameters"] == ["350,000", "–"]
    assert "accuracy" not in rows, "no run has it"
    assert comparison.differences == [[("seed", "1", "0")]]
    assert comparison.histories["other"] == [(1, 0.25), (2, 0.5)]


def test_sets_of_folders_with_one_name(tmp_path: Path) -> None:
    places = [write_set(tmp_path / each / "images") for each in ("a", "b")]
    comparison = compare_runs(places[0], places[1:], "dataset.json")
    assert comparison is not None and comparison.names == ["a/images", "b/images"]
    assert dict(comparison.rows)["images"] == ["6", "6"] and not comparison.histories


def test_others_of_another_kind_are_refused(tmp_path: Path) -> None:
    first, other = write_training(tmp_path / "first", images=1), write_set(tmp_path / "set")
    with pytest.raises(ValueError, match=r"set has no metrics\.json: compare runs of one kind"):
        compare_runs(first, [other], "metrics.json")
    assert compare_runs(first, [], "metrics.json") is None


def test_a_long_list_of_differences_is_cut(tmp_path: Path) -> None:
    first, other = (write_training(tmp_path / name, images=1) for name in ("first", "other"))
    (other / "configuration.json").write_text(json.dumps({f"key{i:02d}": i for i in range(40)}))
    comparison = compare_runs(first, [other], "metrics.json")
    assert comparison is not None and len(comparison.differences[0]) == 13
    assert comparison.differences[0][-1][1].endswith("more")
