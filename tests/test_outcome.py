"""What a training leaves behind."""

import json
from pathlib import Path

import pytest
from PIL import Image

from diode_pl.data import DetectionData
from diode_pl.detector import Darknet, yolov3_tiny
from diode_pl.distill import Decoded, Detection, DistillLoss, Mimic
from diode_pl.outcome import access_level, write_outcome
from diode_pl.tiling import Fixed, FromDataset
from tests.training_run import ANCHORS, NAMES, parts, run, shapes, tiny_detector, tiny_teacher


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
        "predictions.png",
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
    assert 0 <= metrics["onnx_difference"] < 1e-4
    assert f"differ from torch by at most {metrics['onnx_difference']:.1e}" in caplog.text
    assert picture(tmp_path / "curves.png").size == (1200, 500)
    sheet = picture(tmp_path / "predictions.png")
    # Fifteen images, truth, teacher and student of two in a row.
    assert sheet.width > 6 * 224 and sheet.height > 6 * 224
    assert len(sheet.convert("RGB").getcolors(2**24)) > 1000

    # The weights alone are a detector, and score as is said.
    loaded = Darknet(
        yolov3_tiny(len(NAMES), 0.05, ANCHORS), tmp_path / "student.safetensors", NAMES, backbone_sections=13
    )
    again, _ = run(tmp_path / "again", fit=False, student=loaded)
    measured = json.loads((tmp_path / "again" / "measured.json").read_text())
    assert measured["student"] == metrics["student"] and again == pytest.approx(score)


def test_pictures_name_what_a_teacher_with_other_classes_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = tiny_teacher(names=("teapot", *NAMES, "anchor"))
    distillation, data, _ = parts(losses={"decoded": Decoded()}, teacher=teacher, student=tiny_detector())
    distillation.prepare(data)
    monkeypatch.setattr("diode_pl.outcome._LIKELY", 0.01)
    monkeypatch.setattr("diode_pl.outcome.export_onnx", lambda *_: 0.0)
    assert write_outcome(distillation, data, tmp_path) is None  # no epoch was trained
    picture(tmp_path / "predictions.png")


class Seen(Fixed):
    """A tiling that has seen something."""

    data_access = "object counts"


@pytest.mark.parametrize(
    ("train", "losses", "teacher", "tiling", "level"),
    [
        ("teacher-only", {"mimic": Mimic()}, True, Fixed(1), "teacher-only"),
        ("teacher-only", {"mimic": Mimic(), "detection": Detection(0.1)}, True, Fixed(1), "teacher-only"),
        ("teacher-only", {"detection": Detection()}, False, Fixed(1), "teacher-only"),
        ("teacher +verifier", {"mimic": Mimic()}, True, Fixed(1), "teacher +verifier"),
        ("teacher +real labels +verifier", {"mimic": Mimic()}, True, Fixed(1), "teacher +real labels +verifier"),
        ("teacher-only", {"mimic": Mimic()}, True, Seen(1), "teacher +object counts"),
        ("proxy images", {"mimic": Mimic()}, True, Fixed(1), "teacher +proxy images"),
        ("real images", {"mimic": Mimic()}, True, Fixed(1), "teacher +real images"),
        ("real images", {"mimic": Mimic(), "none": Detection(0.0)}, True, Fixed(1), "teacher +real images"),
        (
            "real images",
            {"mimic": Mimic(), "detection": Detection(0.1)},
            True,
            Fixed(1),
            "teacher +real images +real labels",
        ),
        ("real images", {"detection": Detection()}, False, Fixed(1), "no teacher +real images +real labels"),
    ],
)
def test_says_what_the_student_has_seen(
    train: str, losses: dict[str, DistillLoss], teacher: bool, tiling: Fixed, level: str
) -> None:
    images = shapes("train", 1)
    distillation, _, _ = parts(losses=losses, teacher=tiny_teacher() if teacher else None)
    before, images.data_access = images.data_access, train
    try:
        data = DetectionData(images, None, tiling, {})
        assert access_level(distillation, data) == level
    finally:
        images.data_access = before


def test_counting_the_objects_of_a_data_set_is_seeing_its_labels(tmp_path: Path) -> None:
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9]}
    images, categories = [{"id": 1, "width": 9, "height": 9}], [{"id": 1, "name": "cat"}]
    content = {"images": images, "annotations": [box], "categories": categories}
    (tmp_path / "some.json").write_text(json.dumps(content))
    data = DetectionData(shapes("train", 1), None, FromDataset(tmp_path / "some.json"), {})
    assert len(data.data_access) == 2 and data.tiling.data_access in access_level(parts()[0], data)
