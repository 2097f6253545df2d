import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from diode_pl.detector import Darknet
from diode_pl.report import save_weights
from tests.tiny_network import NAMES, tiny_network


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return file.metadata()


def again(folder: Path, weights: Path) -> Darknet:
    return Darknet(folder / "tiny.cfg", weights, folder / "tiny.names")


def test_a_detector_comes_back_as_it_was(tmp_path: Path) -> None:
    detector, path = tiny_network(tmp_path).train(), tmp_path / "new" / "student.safetensors"
    detector.to(memory_format=torch.channels_last)
    before = detector.fingerprint()
    save_weights(detector, path, {"val/AP50": "0.912"})
    assert again(tmp_path, path).fingerprint() == before == detector.fingerprint()
    assert detector.training and detector.layers[1].conv.weight.is_contiguous(memory_format=torch.channels_last)
    found = metadata(path)
    assert json.loads(found.pop("class_names")) == list(NAMES)
    assert json.loads(found.pop("architecture"))["class"] == "Darknet"
    assert found == {"fingerprint": before, "val/AP50": "0.912"}
    assert list(path.parent.iterdir()) == [path]


def test_the_file_holds_the_state_dict_alone(tmp_path: Path) -> None:
    detector = tiny_network(tmp_path)
    save_weights(detector, tmp_path / "a.safetensors")
    with safe_open(tmp_path / "a.safetensors", framework="pt") as file:
        assert set(file.keys()) == set(detector.state_dict())


def test_half_precision(tmp_path: Path) -> None:
    detector = tiny_network(tmp_path)
    before = detector.fingerprint()
    save_weights(detector, tmp_path / "full.safetensors")
    save_weights(detector, tmp_path / "half.safetensors", dtype=torch.float16)
    assert (tmp_path / "half.safetensors").stat().st_size < 0.65 * (tmp_path / "full.safetensors").stat().st_size
    assert detector.fingerprint() == before
    rounded = again(tmp_path, tmp_path / "half.safetensors")
    assert metadata(tmp_path / "half.safetensors")["fingerprint"] == rounded.fingerprint() != before
    for name, value in detector.state_dict().items():
        found = rounded.state_dict()[name]
        assert found.dtype == value.dtype, name
        assert torch.equal(found, value.half().float() if value.is_floating_point() else value), name


def test_numbers_beyond_half_precision_are_named(tmp_path: Path) -> None:
    detector = tiny_network(tmp_path)
    detector.layers[1].norm.running_var[3] = 1e5
    with pytest.raises(ValueError, match=r"layers.1.norm.running_var is not finite as torch.float16, .*a.safetensors"):
        save_weights(detector, tmp_path / "a.safetensors", dtype=torch.float16)
    assert not (tmp_path / "a.safetensors").exists()
    save_weights(detector, tmp_path / "a.safetensors")


def test_names_that_are_taken(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="metadata: fingerprint"):
        save_weights(tiny_network(tmp_path), tmp_path / "a.safetensors", {"fingerprint": "0"})
    assert not (tmp_path / "a.safetensors").exists()
