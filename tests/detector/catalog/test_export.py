from pathlib import Path

import onnx
import pytest

from diode_pl.report import export_onnx
from tests.detector.detectors import SIZE, small


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["retinanet", "fcos", "ssd", "ssdlite", "ultralytics", "ultralytics_26", "rt_detr", "detr", "yolos"],
)
def test_onnx_for_any_number_of_images(name: str, tmp_path: Path) -> None:
    detector, path = small(name), tmp_path / "a.onnx"
    before = detector.fingerprint()
    assert export_onnx(detector, path, SIZE) < 1e-4
    sizes = [entry.dim_param or entry.dim_value for entry in onnx.load(path).graph.input[0].type.tensor_type.shape.dim]
    assert sizes == ["n", 3, SIZE, SIZE]
    assert detector.fingerprint() == before
