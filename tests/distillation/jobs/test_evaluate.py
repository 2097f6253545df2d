"""Students that are measured and not trained."""

import json
import logging
from pathlib import Path

import pytest
from PIL import Image

from diode_pl.data import DetectionData
from diode_pl.data.cache import InMemory
from diode_pl.data.tiling import Fixed
from diode_pl.distillation.evaluation import Evaluation
from diode_pl.distillation.jobs import evaluate
from diode_pl.distillation.losses import FKD, Decoded
from diode_pl.shapes import ShapesWorld
from tests.training_run import (
    BATCH,
    NAMES,
    VALIDATION,
    checkpoint,
    measure,
    run,
    same,
    shapes,
    some_trainer,
    tiny_detector,
    tiny_teacher,
)

pytestmark = pytest.mark.usefixtures("quick_report")


def test_measures_without_training(tmp_path: Path, whole: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    expected = json.loads((whole / "metrics.json").read_text())
    score, distillation = measure(tmp_path, whole / "best.ckpt", student=tiny_detector(9))
    measured = json.loads((tmp_path / "measured.json").read_text())
    assert measured["student"] == expected["student"] and measured["per_class"] == expected["per_class"]
    assert measured["teacher"] == expected["teacher"]
    assert measured["checkpoint"] == str(whole / "best.ckpt")
    assert measured["data_access"] == expected["data_access"] == "teacher +real images"
    assert measured["resolution"] == expected["resolution"] and measured["skipped"] == {"train": 0, "val": 0}
    assert score == pytest.approx(expected["student"]["AP50"])
    Image.open(tmp_path / "measured.png").verify()
    assert {path.name for path in tmp_path.iterdir()} == {"measured.html", "measured.json", "measured.png", "measured"}
    assert f"{tmp_path}: measured.json, measured.png" in caplog.messages
    command = f"next: python predict.py weights={whole}/best.ckpt source=DIR"
    assert caplog.messages[-1] == f"{tmp_path}/measured.png shows what it finds; {command}"
    assert same(dict(distillation.state_dict()), checkpoint(whole, "best.ckpt")["state_dict"])


def test_measuring_leaves_a_training_in_the_same_folder_alone(tmp_path: Path) -> None:
    run(tmp_path, epochs=1)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    measure(tmp_path, student=tiny_teacher())
    # Nobody knows what a student without a checkpoint has seen.
    assert json.loads((tmp_path / "measured.json").read_text())["data_access"] == "given weights"
    assert {path: path.read_bytes() for path in before} == before


def test_measures_whatever_taught_the_student(tmp_path: Path) -> None:
    two_heads = (14, 14, 20, 20, 32, 32, 42, 42, 68, 68, 110, 110)  # Mimic could not teach it
    losses = {"decoded": Decoded(), "fkd": FKD()}
    score, taught = run(tmp_path / "taught", epochs=1, losses=losses, student=tiny_detector(3, anchors=two_heads))
    assert any(name.startswith("objective.") for name in taught.state_dict())
    other = tiny_detector(9, anchors=two_heads)
    again, measured = measure(tmp_path / "again", tmp_path / "taught" / "student.ckpt", student=other)
    assert again == pytest.approx(score)
    assert same(dict(measured.student.state_dict()), dict(taught.student.state_dict()))
    with pytest.raises(ValueError, match=r"another student, .*student\..*The student must be"):
        measure(tmp_path / "other", tmp_path / "taught" / "student.ckpt")


def test_measures_without_training_images(tmp_path: Path, whole: Path) -> None:
    data = DetectionData(None, shapes("val", VALIDATION), Fixed(1), {}, batch_size=BATCH)
    evaluation = Evaluation(tiny_detector(), tiny_teacher(), data)
    score = evaluate(evaluation, some_trainer(), tmp_path, {}, whole / "best.ckpt")
    assert score == pytest.approx(json.loads((whole / "metrics.json").read_text())["student"]["AP50"])
    measured = json.loads((tmp_path / "measured.json").read_text())
    assert measured["resolution"]["train"] is None and measured["skipped"] == {"train": None, "val": 0}


def test_two_processes_measure_as_one(tmp_path: Path, whole: Path) -> None:
    expected = json.loads((whole / "metrics.json").read_text())
    score, _ = measure(tmp_path, whole / "best.ckpt", devices=2)
    measured = json.loads((tmp_path / "measured.json").read_text())
    assert measured["student"] == pytest.approx(expected["student"], rel=1e-4)
    assert measured["teacher"] == pytest.approx(expected["teacher"], rel=1e-4)
    truths = {name: scores["truths"] for name, scores in expected["per_class"].items()}
    assert {name: scores["truths"] for name, scores in measured["per_class"].items()} == truths
    assert score == pytest.approx(expected["student"]["AP50"])


def test_a_student_of_other_names_is_not_measured(tmp_path: Path, whole: Path) -> None:
    with pytest.raises(ValueError, match=r"^names: class 0 is 'mug' in .*best.ckpt, not 'umbrella'"):
        measure(tmp_path, whole / "best.ckpt", student=tiny_detector(9, names=NAMES[::-1]))


def test_another_resolution_than_that_of_the_training_is_said(
    tmp_path: Path, whole: Path, caplog: pytest.LogCaptureFixture
) -> None:
    measure(tmp_path, whole / "best.ckpt", val=InMemory(ShapesWorld("val", VALIDATION, 96), 0, "val"))
    assert "measured at 96 px; the student was trained at resolution=64" in caplog.messages
