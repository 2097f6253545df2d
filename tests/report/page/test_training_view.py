"""The page of a training."""

import json
from pathlib import Path

from diode_pl.report.page.training import read_training
from diode_pl.report.page.training_view import view_training
from tests.report.page.runs import NAMES, write_training


def test_a_student(tmp_path: Path) -> None:
    view = view_training(read_training(write_training(tmp_path / "student")))
    assert (view.kind, view.title, view.level) == ("Student", "student", "teacher +proxy images")
    assert ("AP@0.5", "0.500", "teacher 0.900") in view.figures and ("parameters", "0.35 M", "") in view.figures
    assert view.about == "Trained on runs/set."
    assert [heading for heading, _, _ in view.sections] == ["How it learned", "By class", "What goes wrong"]
    charts = "".join(chart.svg for _, _, each in view.sections for chart in each)
    for words in ("Losses", "Learning rate", "teacher’s AP50 0.900", "AP@0.5 lost by type of error", "classification"):
        assert words in charts, words
    assert "$star$" in charts
    ((_, columns, rows),) = view.tables
    assert columns == ["class", "AP", "AP50", "AP75", "precision", "recall", "F1", "objects"]
    assert [row[0] for row in rows] == list(NAMES) and rows[0][1:3] == ["0.300", "0.500"]
    assert view.gallery is not None and [key for key, _ in view.gallery.sources] == ["truth", "teacher", "student"]
    assert "missed" not in view.gallery.kinds, "no box is missed"


def test_without_validation_images_there_are_losses_alone(tmp_path: Path) -> None:
    history = [{"epoch": 0, "seconds": 1.0, "lr": 0.1, "loss/total": 1.0}]
    changes = {"student": {}, "teacher": {}, "per_class": {}, "teacher_per_class": {}, "history": history}
    content = read_training(write_training(tmp_path, images=1, **changes))
    content.images, content.errors = [], {}
    view = view_training(content)
    assert [heading for heading, _, _ in view.sections] == ["How it learned"] and view.gallery is None
    assert "AP@0.5" not in dict((name, value) for name, value, _ in view.figures)


def test_a_classifier(tmp_path: Path) -> None:
    facts = {"accuracy": 0.9, "macro_accuracy": 0.8, "per_class": {"mug": 0.75}, "data_access": "teacher-only"}
    facts |= {
        "history": [{"epoch": 0, "loss/total": 1.0, "val/accuracy": 0.9, "lr": 0.1}],
        "parameters": 50,
        "epochs": 1,
    }
    (tmp_path / "metrics.json").write_text(json.dumps(facts))
    view = view_training(read_training(tmp_path))
    assert view.kind == "Classifier" and ("accuracy", "0.900", "on held-out crops") in view.figures
    assert view.tables[0][2] == [["mug", "0.750"]]


def test_an_evaluation_has_no_curves(tmp_path: Path) -> None:
    (tmp_path / "measured.json").write_text(json.dumps({"student": {"AP50": 0.1}, "data_access": "given weights"}))
    view = view_training(read_training(tmp_path, "measured.json"))
    assert view.kind == "Evaluation" and not view.sections
