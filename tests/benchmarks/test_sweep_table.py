"""The tables of sweeps, from files written by hand."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import collect
from benchmarks.jobs import read_jobs
from tests.benchmarks.sweeps import synthesis, training

Printed = Callable[..., list[list[str]]]


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Printed:
    """The cells of each line, those of rules left out."""

    def run(*folders: Path) -> list[list[str]]:
        monkeypatch.setattr(sys, "argv", ["collect.py", *map(str, folders)])
        collect.main()
        lines = capsys.readouterr().out.splitlines()
        assert all(line.startswith("|") and line.endswith("|") for line in lines)
        assert len({line.count("|") for line in lines}) <= 1, "as many cells in each line"
        return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "---" not in line]

    return run


def test_seeds_of_a_training_are_joined_and_what_all_share_is_left_out(tmp_path: Path, printed: Printed) -> None:
    shared = ["+experiment=quick", f"output_dir={tmp_path}"]
    jobs = [("mimic", 0, 0.4), ("mimic", 1, 0.64), ("decoded", 0, 0.72)]
    for number, (loss, seed, score) in enumerate(jobs):
        training(tmp_path / str(number), [*shared, f"distill={loss}", f"seed={seed}"], score, seconds=60 + 10 * number)
    seen = "teacher +proxy images"
    assert printed(tmp_path) == [
        ["setting", "seeds", "student AP@0.5", "student AP", "of the teacher's AP@0.5", "data access", "s a run"],
        ["distill=mimic", "2", "0.520 ± 0.170", "0.260 ± 0.085", "0.65 ± 0.21", seen, "65 ± 7"],
        ["distill=decoded", "1", "0.720", "0.360", "0.90", seen, "80"],
    ]


def test_jobs_stand_in_the_order_of_their_numbers(tmp_path: Path, printed: Printed) -> None:
    for number in range(11):
        training(tmp_path / str(number), [f"train.limit={number}"], 0.5)
    assert [row[0] for row in printed(tmp_path)[1:]] == [f"train.limit={number}" for number in range(11)]


def test_sweeps_of_images(tmp_path: Path, printed: Printed) -> None:
    synthesis(tmp_path / "0", ["augmentations=all", "seed=0"], 0.7, 1.0, 3.0)
    synthesis(tmp_path / "1", ["augmentations=all", "seed=1"], 0.8, 2.0, 4.0)
    synthesis(tmp_path / "2", ["augmentations=none", "seed=0"], None, 1.5, 2.3)
    headings, both, alone = printed(tmp_path)
    assert headings[3:5] == ["teacher mAP@0.5", "verifier mAP@0.5"]
    scores = ["0.900 ± 0.000", "0.750 ± 0.071"]
    assert both == ["augmentations=all", "2", "16", *scores, "1.50 ± 0.71", "3.5 ± 0.7"]
    assert alone == ["augmentations=none", "1", "16", "0.900", "–", "1.50", "2.3"]


def test_a_single_run_and_a_training_without_a_teacher(tmp_path: Path, printed: Printed) -> None:
    training(tmp_path, ["+experiment=yolov3_tiny_shapes"], 0.92, teacher=None)
    assert printed(tmp_path)[1][:5] == ["–", "1", "0.920", "0.460", "–"]


def test_images_and_students_of_several_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    synthesis(tmp_path / "images", [], 0.7, 1.0, 3.0)
    training(tmp_path / "student", [], 0.4)
    monkeypatch.setattr(sys, "argv", ["collect.py", str(tmp_path / "images"), str(tmp_path / "student")])
    collect.main()
    first, rule, _, _, second, *_ = capsys.readouterr().out.splitlines()
    assert "verifier" in first and "student" in second and set(rule) == {"|", "-"}


def test_where_nothing_is_finished_it_is_said(tmp_path: Path, printed: Printed) -> None:
    with pytest.raises(SystemExit, match=f"no dataset.json or metrics.json in {tmp_path}"):
        printed(tmp_path)


def test_a_seed_counts_once_and_an_unfinished_set_not_at_all(tmp_path: Path) -> None:
    for name, seed, complete in (("a", 0, True), ("b", 0, True), ("c", 1, True), ("d", 2, False)):
        synthesis(tmp_path / name, [f"seed={seed}", "losses=shares"], 0.5, 1.0, 2.0, seed=seed, complete=complete)
    assert [len(results) for results in read_jobs([tmp_path], "dataset.json").values()] == [2]
