from pathlib import Path
from typing import Any

import pytest

from diode_pl.prediction import export_weights
from diode_pl.report import Suppression, save_weights
from tests.tiny_network import tiny_network


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What was to be exported; nothing is."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr("diode_pl.prediction.export.export_onnx", lambda _, *given: calls.append(given) or 1e-6)
    return calls


def test_the_file_lies_beside_the_weights_or_where_it_is_wanted(
    asked: list[tuple[Any, ...]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    detector = tiny_network(tmp_path)
    save_weights(detector, tmp_path / "run" / "a.safetensors", {"resolution": "96"})
    export_weights(detector, "run/a.safetensors", tmp_path, {}, resolution=64)
    export_weights(detector, tmp_path / "run" / "a.safetensors", "elsewhere", {}, output="b.onnx", dynamic=True)
    level = {"data_access": "given weights"}
    assert asked == [
        (tmp_path / "run" / "a.onnx", 64, False, None, level),
        (Path("elsewhere/b.onnx"), 96, True, None, level),
    ]
    assert f"Look at {tmp_path}/run/a.onnx: for images of 64 x 64 px, 2 classes, suppression outside" in caplog.text
    assert "Look at elsewhere/b.onnx: for images of any size in steps of 8 px" in caplog.text


def test_suppression_is_passed_on_if_it_is_wanted(asked: list[tuple[Any, ...]], tmp_path: Path) -> None:
    detector = tiny_network(tmp_path)
    for nms in (True, False):
        export_weights(detector, "a", "", {}, resolution=64, nms=nms, confidence=0.3, iou=0.6, max_detections=7)
    assert [given[3] for given in asked] == [Suppression(0.3, 0.6, 7), None]


def test_what_is_refused(asked: list[tuple[Any, ...]], tmp_path: Path) -> None:
    detector = tiny_network(tmp_path)
    with pytest.raises(ValueError, match="format must be onnx, got 'tflite'"):
        export_weights(detector, "a", "", {}, format="tflite")
    with pytest.raises(ValueError, match="resolution must be a multiple of 8 px"):
        export_weights(detector, "a", "", {}, resolution=63)
    detector.provenance = None
    with pytest.raises(ValueError, match="detector: .*random weights"):
        export_weights(detector, "a", "", {})
    assert not asked
