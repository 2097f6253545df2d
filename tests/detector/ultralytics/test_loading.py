"""Weights and names come from one file, or from the command line."""

from pathlib import Path

import pytest
import torch

from diode_pl.detector import Ultralytics, load_weights_file
from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.provenance import GIVEN_WEIGHTS
from diode_pl.report import save_weights
from tests.detector.detectors import darknet, small, some_images
from tests.detector.ultralytics.small_networks import NAMES, description, shrunk, write_best


@pytest.mark.parametrize("name", ["yolo11n.yaml", "yolov10n.yaml", "yolo26n.yaml"])
def test_a_file_of_the_package_is_a_whole_detector(name: str, tmp_path: Path) -> None:
    network = write_best(tmp_path / "best.pt", name)
    detector = Ultralytics(tmp_path / "best.pt")
    assert detector.class_names == NAMES and detector.provenance == GIVEN_WEIGHTS
    images = some_images()
    raw = network.eval()(images)[1]
    raw = raw.get("one2many", raw)
    outputs = detector.eval()(images)
    torch.testing.assert_close(detector.class_logits(outputs), raw["scores"].transpose(1, 2))
    torch.testing.assert_close(torch.cat(outputs.heads, dim=1)[..., : -len(NAMES)], raw["boxes"].transpose(1, 2))


def test_boxes_are_those_of_the_package(tmp_path: Path) -> None:
    network, images = write_best(tmp_path / "best.pt"), some_images()
    detector = Ultralytics(tmp_path / "best.pt").eval()
    found = detector.decode(detector(images))
    boxes, scores = network.eval()(images)[0].transpose(1, 2).split([4, len(NAMES)], dim=2)
    low, high = boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2
    torch.testing.assert_close(found.boxes * 64, torch.cat([low, high], dim=2), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(found.objectness[..., None] * found.classes, scores)


def test_names_and_partial_weights(tmp_path: Path) -> None:
    network = write_best(tmp_path / "best.pt")
    assert Ultralytics(tmp_path / "best.pt", names=["Cat", "dog", "cup"]).class_names == ("Cat", "dog", "cup")
    with pytest.raises(ValueError, match="names: class 1 is 'dog' in .*best.pt, not 'cow'"):
        Ultralytics(tmp_path / "best.pt", names=["cat", "cow", "cup"])
    other = Ultralytics(tmp_path / "best.pt", names=["a", "b", "c", "d"], partial=True)
    assert str(other.provenance) == "weights from best.pt" and len(other.class_names) == 4
    assert torch.equal(other.network.model[0].conv.weight, network.half().float().model[0].conv.weight)


def test_a_network_of_another_size(tmp_path: Path) -> None:
    write_best(tmp_path / "best.pt")
    with pytest.raises(ConfigError, match="best.pt: found another network's weights; .* tensors differ, the first is"):
        shrunk("yolov8n.yaml", tmp_path / "best.pt", None)


def test_a_file_of_ours_rebuilds_itself(tmp_path: Path) -> None:
    detector, path = small("ultralytics_26"), tmp_path / "student.safetensors"
    save_weights(detector, path)
    for again in (load_weights_file(path), Ultralytics(path), load_weights_file(path, ["cat", "dog", "cup"])):
        assert isinstance(again, Ultralytics) and again.fingerprint() == detector.fingerprint()
        assert again.class_names == NAMES
    assert load_weights_file(path).weights_metadata() == detector.weights_metadata()
    assert load_weights_file(path, ["x"], partial=True).class_names == ("x",)


def test_random_weights_need_a_network() -> None:
    detector = shrunk("yolov8n.yaml", None, None)
    assert detector.class_names[:2] == ("0", "1") and len(detector.class_names) == 80 and detector.provenance is None
    with pytest.raises(ConfigError, match="model: expected a network of ultralytics such as yolo11n.yaml, or a file"):
        Ultralytics()


def test_files_of_others(tmp_path: Path) -> None:
    save_weights(darknet(None, None), tmp_path / "a.safetensors")
    with pytest.raises(ConfigError, match="states the architecture of Darknet; detector=file takes it"):
        Ultralytics(tmp_path / "a.safetensors", description("yolov8n.yaml"))
    (tmp_path / "a.onnx").write_bytes(b"")
    with pytest.raises(ConfigError, match="found the suffix .onnx, which is not known; expected weights as .pt"):
        Ultralytics(tmp_path / "a.onnx", description("yolov8n.yaml"))
    with pytest.raises(ConfigError, match="b.safetensors does not exist"):
        Ultralytics(tmp_path / "b.safetensors", description("yolov8n.yaml"))


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    network = write_best(tmp_path / "best.pt")
    network.model[0].bn.bias.data[0] = torch.nan
    torch.save({"model": network}, tmp_path / "best.pt")
    with pytest.raises(ConfigError, match="NaN in model.0.bn.bias"):
        Ultralytics(tmp_path / "best.pt")


def test_other_detectors_say_who_reads_such_a_file(tmp_path: Path) -> None:
    write_best(tmp_path / "best.pt")
    with pytest.raises(ConfigError, match="ultralytics.* would run its author's code .*; detector=ultralytics reads"):
        darknet(tmp_path / "best.pt", None)
