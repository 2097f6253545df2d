from pathlib import Path

import pytest

from diode_pl.prediction.resolution import choose_resolution
from diode_pl.report import save_weights
from tests.detector.detectors import small
from tests.tiny_network import tiny_network


def test_what_is_given_then_what_the_file_states_then_one_near_416(tmp_path: Path) -> None:
    detector, path = tiny_network(tmp_path), tmp_path / "a.safetensors"
    save_weights(detector, path, {"resolution": "96"})
    assert choose_resolution(detector, path, 64) == 64
    assert choose_resolution(detector, path, None) == 96
    assert choose_resolution(detector, tmp_path / "tiny.weights", None) == 416 == 52 * detector.stride
    assert choose_resolution(small("retinanet"), "COCO_V1", None) == 416


def test_a_detector_takes_no_less_than_its_least(tmp_path: Path) -> None:
    detector = tiny_network(tmp_path)
    detector.smallest = 1000
    assert choose_resolution(detector, "absent", None) == 1000
    with pytest.raises(ValueError, match="resolution must be a multiple of 8 px, at least 1000 px"):
        choose_resolution(detector, "absent", 64)
