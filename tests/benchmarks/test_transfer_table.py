"""The table over several detectors, from files written by hand."""

import sys
from pathlib import Path

import pytest

from benchmarks import collect
from tests.benchmarks.sweeps import synthesis


def sweep(folder: Path, scores: dict[str, list[float | None]]) -> Path:
    jobs = [(setting, seed, score) for setting, group in scores.items() for seed, score in enumerate(group)]
    for number, (setting, seed, score) in enumerate(jobs):
        overrides = [f"+experiment=tables/transfer/{folder.name}", setting, f"seed={seed}", f"output_dir={folder}"]
        synthesis(folder / str(number), overrides, score, 1.0, 2.0)
    return folder


def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *folders: Path) -> list[list[str]]:
    monkeypatch.setattr(sys, "argv", ["collect.py", "--layout", "transfer", *map(str, folders)])
    collect.main()
    lines = capsys.readouterr().out.splitlines()
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "---" not in line]


def test_the_setting_that_serves_all_stands_on_top(tmp_path, monkeypatch, capsys):
    # "b=1" is nobody's best, and the best for all.
    ssd = sweep(tmp_path / "ssd", {"b=0": [0.8], "b=1": [0.6], "b=2": [0.3]})
    nano = sweep(tmp_path / "nano", {"b=0": [0.1], "b=1": [0.3, 0.35], "b=2": [0.4]})
    assert printed(monkeypatch, capsys, ssd, nano) == [
        ["setting", "nano", "ssd", "mean share of each one's best"],
        ["b=1", "0.325 ± 0.035", "0.600", "0.78"],
        ["b=2", "0.400", "0.300", "0.69"],
        ["b=0", "0.100", "0.800", "0.62"],
    ]


def test_a_setting_not_tried_everywhere_comes_last(tmp_path, monkeypatch, capsys):
    ssd = sweep(tmp_path / "ssd", {"b=0": [0.8], "b=1": [0.1]})
    nano = sweep(tmp_path / "nano", {"b=1": [0.3], "b=2": [0.0]})
    assert printed(monkeypatch, capsys, ssd, nano)[1:] == [
        ["b=1", "0.300", "0.100", "0.56"],
        ["b=2", "0.000", "–", "–"],
        ["b=0", "–", "0.800", "–"],
    ]


def test_a_detector_whose_images_nobody_finds_anything_in(tmp_path, monkeypatch, capsys):
    ssd = sweep(tmp_path / "ssd", {"b=0": [0.0], "b=1": [0.0]})
    assert printed(monkeypatch, capsys, ssd)[1:] == [["b=0", "0.000", "–"], ["b=1", "0.000", "–"]]


def test_several_sweeps_of_one_detector_share_a_column(tmp_path, monkeypatch, capsys):
    # What all jobs of a detector share is part of the setting as long as those of another differ.
    own, common = sweep(tmp_path / "best" / "ssd", {"b=2": [0.8, 0.9]}), sweep(tmp_path / "ssd", {"b=1": [0.6, 0.8]})
    nano = sweep(tmp_path / "nano", {"b=1": [0.4]})
    assert printed(monkeypatch, capsys, common, own, nano)[1:] == [
        ["b=1", "0.700 ± 0.141", "0.400", "0.91"],
        ["b=2", "0.850 ± 0.071", "–", "–"],
    ]


@pytest.mark.parametrize("scores", [{}, {"b=0": [0.3, None]}])
def test_a_folder_without_scores_is_named(tmp_path, monkeypatch, capsys, scores):
    with pytest.raises(SystemExit, match=r"ssd: no images, or some that no verifier scored"):
        printed(monkeypatch, capsys, sweep(tmp_path / "ssd", scores))
