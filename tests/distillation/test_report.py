"""What a training leaves behind."""

import json
import math
from pathlib import Path

import onnx
import pytest
from PIL import Image
from safetensors import safe_open

from diode_pl.detector import Darknet, load_weights_file, yolov3_tiny
from diode_pl.detector.weights_file import stored_resolution
from diode_pl.distillation.losses import FKD, Decoded
from diode_pl.distillation.report import write_report
from diode_pl.shapes import ShapesWorld
from tests.data.painted import Painted
from tests.training_run import ANCHORS, NAMES, RESOLUTION, checkpoint, measure, parts, run, tiny_detector, tiny_teacher


def picture(path: Path) -> Image.Image:
    Image.open(path).verify()
    return Image.open(path)


def test_writes_the_student_its_scores_and_its_pictures(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    score, distillation = run(tmp_path, epochs=2)
    assert {path.name for path in tmp_path.iterdir()} == {
        "best.ckpt",
        "configuration.json",
        "curves.png",
        "metrics.json",
        "predictions",
        "predictions.png",
        "report.html",
        "student.ckpt",
        "student.onnx",
        "student.safetensors",
    }
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["data_access"] == "teacher +real images" and metrics["epochs"] == 2
    assert metrics["student"]["AP50"] == score and metrics["teacher"]["AP50"] > 0
    assert {"AP", "AP50", "AP75", "precision", "recall", "F1"} <= metrics["student"].keys()
    assert set(metrics["per_class"]) == set(NAMES)
    assert metrics["parameters"] == sum(weight.numel() for weight in distillation.student.parameters())
    assert metrics["seconds"] == pytest.approx(sum(entry["seconds"] for entry in metrics["history"]), abs=0.1)
    assert metrics["resolution"] == {"train": RESOLUTION, "val": RESOLUTION}
    assert metrics["skipped"] == {"train": 0, "val": 0}
    assert metrics["distill"] == {}  # nothing was brought along
    assert 0 <= metrics["onnx_difference"] < 1e-4
    assert f"differ from torch by at most {metrics['onnx_difference']:.1e}" in caplog.text
    assert picture(tmp_path / "curves.png").size == (1200, 500)
    sheet = picture(tmp_path / "predictions.png")
    # Fifteen images, truth, teacher and student of two in a row.
    assert sheet.width > 6 * 224 and sheet.height > 6 * 224
    assert len(sheet.convert("RGB").getcolors(2**24)) > 1000

    # So does the checkpoint, without any configuration.
    files = [tmp_path / "student.safetensors", tmp_path / "best.ckpt"]
    assert {load_weights_file(file).fingerprint() for file in files} == {distillation.student.fingerprint()}
    assert {stored_resolution(file) for file in files} == {RESOLUTION}
    assert str(load_weights_file(tmp_path / "student.ckpt").provenance) == metrics["data_access"]
    # The weights alone are a detector, and score as is said.
    loaded = Darknet(
        yolov3_tiny(len(NAMES), 0.05, ANCHORS), tmp_path / "student.safetensors", NAMES, backbone_sections=13
    )
    again, _ = measure(tmp_path / "again", student=loaded)
    measured = json.loads((tmp_path / "again" / "measured.json").read_text())
    assert measured["student"] == metrics["student"] and again == pytest.approx(score)


def test_pictures_name_what_a_teacher_with_other_classes_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = tiny_teacher(names=("teapot", *NAMES, "anchor"))
    distillation, _, _ = parts(losses={"decoded": Decoded()}, teacher=teacher, student=tiny_detector())
    monkeypatch.setattr("diode_pl.distillation.report._MIN_CONFIDENCE", 0.01)
    monkeypatch.setattr("diode_pl.distillation.report.export_onnx", lambda *_: 0.0)
    assert write_report(distillation, tmp_path) is None  # no epoch was trained
    picture(tmp_path / "predictions.png")


def test_a_failed_export_costs_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> float:
        # All else is there by now.
        assert {"student.safetensors", "metrics.json", "curves.png", "predictions.png"} <= {
            path.name for path in tmp_path.iterdir()
        }
        raise RuntimeError("no such operator")

    monkeypatch.setattr("diode_pl.distillation.report.export_onnx", fails)
    monkeypatch.setattr("diode_pl.distillation.report.SHOWN", 2)
    (tmp_path / "student.onnx").write_bytes(b"of an earlier epoch")
    score, _ = run(tmp_path, epochs=1)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["onnx_difference"] is None and metrics["student"]["AP50"] == score
    assert "student.onnx is not written: RuntimeError: no such operator" in caplog.text
    assert not (tmp_path / "student.onnx").exists()


@pytest.mark.parametrize(("val", "expected"), [(96, 96), (None, 64)])
def test_the_export_has_the_resolution_that_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, val: int | None, expected: int
) -> None:
    asked = []
    monkeypatch.setattr("diode_pl.distillation.report.export_onnx", lambda *given: asked.append(given[2]) or 0.0)
    images = None if val is None else ShapesWorld("val", 2, val)
    distillation, _, _ = parts(val=images)
    write_report(distillation, tmp_path)
    assert asked == [expected]
    assert json.loads((tmp_path / "metrics.json").read_text())["resolution"] == {"train": 64, "val": val}


def test_counts_what_was_skipped_and_draws_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diode_pl.distillation.report.export_onnx", lambda *_: 0.0)
    distillation, _, _ = parts(val=Painted(3, side=64, names=NAMES, bad={0, 2}))
    write_report(distillation, tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text())["skipped"] == {"train": 0, "val": 2}
    assert picture(tmp_path / "predictions.png").width < 4 * 224  # one image in three columns


def test_layers_that_a_loss_trains_along_are_in_the_checkpoint_alone(tmp_path: Path) -> None:
    _, distillation = run(tmp_path, epochs=1, val=None, losses={"decoded": Decoded(), "fkd": FKD()})
    state, own = checkpoint(tmp_path)["state_dict"], tiny_detector().state_dict()
    assert {f"student.{name}" for name in own} < set(state) and any("relations" in name for name in state)
    with safe_open(tmp_path / "student.safetensors", "pt") as file:
        assert set(file.keys()) == set(own)
    model = onnx.load(str(tmp_path / "student.onnx"))
    trained = sum(parameter.numel() for parameter in distillation.student.parameters())
    kept = sum(math.prod(each.dims) for each in model.graph.initializer if len(each.dims) == 4)
    assert 0 < kept <= trained < sum(parameter.numel() for parameter in distillation.parameters())
    names = {name for each in model.graph.node for name in (each.name, *each.input, *each.output)}
    assert not any(word in name for name in names for word in ("fkd", "levels", "relations", "objective"))
