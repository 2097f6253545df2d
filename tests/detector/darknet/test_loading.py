"""Weights of Darknet networks from files of every format, and what is refused of them."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from diode_pl.detector import ConfigError, Darknet, RetinaNet, narrow_retinanet, yolov3_tiny
from diode_pl.report import save_weights
from tests.detector.darknet.small_network import NAMES, weights_bytes, write_network

BROKEN = [
    ("layers.0.norm.running_var", -0.5, "the negative variance -0.5"),
    ("layers.0.norm.running_var", float("inf"), "numbers that are not finite, infinity"),
    ("layers.2.conv.weight", float("nan"), "numbers that are not finite, NaN"),
    ("layers.16.conv.bias", float("-inf"), "numbers that are not finite, infinity"),
]


def in_darknets_order(detector: Darknet) -> Tensor:
    """All numbers as Darknet writes them: bias or beta, gamma, mean, variance, weights."""
    parts, state = list[Tensor](), detector.state_dict()
    for i in range(len(detector.layers)):
        names = ("conv.bias", "norm.bias", "norm.weight", "norm.running_mean", "norm.running_var", "conv.weight")
        parts += [state[key].flatten() for name in names if (key := f"layers.{i}.{name}") in state]
    return torch.cat(parts)


def write(detector: Darknet, file: Path, **metadata: str) -> Path:
    """A file of a detector's weights, in the format of its suffix."""
    if file.suffix == ".safetensors":
        save_file(detector.state_dict(), file, metadata)
    elif file.suffix in (".pt", ".PTH"):
        torch.save(detector.state_dict(), file)
    else:
        file.write_bytes(weights_bytes(in_darknets_order(detector)))
    return file


@pytest.mark.parametrize("name", ["a.pt", "a.PTH", "a.safetensors", "a.weights", "a.WEIGHTS", "a.backup", "a.conv.17"])
@pytest.mark.parametrize("partial", [False, True])
def test_every_format(name: str, partial: bool, tmp_path: Path) -> None:
    cfg, weights = write_network(tmp_path)
    detector = Darknet(cfg, weights, NAMES)
    again = Darknet(cfg, write(detector, tmp_path / name), NAMES, partial=partial)
    assert again.fingerprint() == detector.fingerprint()


@pytest.mark.parametrize("name", ["a.h5", "a.onnx", "a.tar", "a", "a.conv.x"])
def test_unknown_suffixes_say_which_are_known(name: str, tmp_path: Path) -> None:
    cfg, weights = write_network(tmp_path)
    (tmp_path / name).write_bytes(weights.read_bytes())
    known = "expected weights as .weights, .backup, .conv.N, .safetensors, .pt, .pth$"
    found = rf"the suffix \{Path(name).suffix}, which is not known" if "." in name else "no suffix"
    with pytest.raises(ConfigError, match=f"/{name}: found {found}; {known}"):
        Darknet(cfg, tmp_path / name, NAMES)


@pytest.mark.parametrize("name", ["a.pt", "a.safetensors", "a.weights"])
@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize(("tensor", "value", "found"), BROKEN)
def test_weights_that_compute_nothing(
    name: str, partial: bool, tensor: str, value: float, found: str, tmp_path: Path
) -> None:
    cfg, weights = write_network(tmp_path)
    detector = Darknet(cfg, weights, NAMES)
    detector.state_dict()[tensor].view(-1)[1] = value
    with pytest.raises(ConfigError, match=f"{name}: found {found} in {tensor}; expected a trained network"):
        Darknet(cfg, write(detector, tmp_path / name), NAMES, partial=partial)


def test_names_that_the_file_states_are_required(tmp_path: Path) -> None:
    cfg, weights = write_network(tmp_path)
    detector = Darknet(cfg, weights, NAMES)
    file = write(detector, tmp_path / "a.safetensors", class_names=json.dumps(NAMES))
    assert Darknet(cfg, file, NAMES).class_names == tuple(NAMES)
    with pytest.raises(ValueError, match=r"^names: class 0 is 'cat' in .*a.safetensors, not 'dog'; expected the names"):
        Darknet(cfg, file, NAMES[::-1])
    assert Darknet(cfg, file, ["cow", "hen"], partial=True).class_names == ("cow", "hen")
    file = write(detector, file, class_names="cats and dogs")  # of another program
    assert Darknet(cfg, file, ["cow", "hen"]).class_names == ("cow", "hen")


@pytest.mark.parametrize("suffix", [".weights", ".pt", ".safetensors"])
def test_weights_of_other_classes_say_what_takes_them(suffix: str, tmp_path: Path) -> None:
    source = Darknet(yolov3_tiny(3, width=0.05), None, ["a", "b", "c"])
    with pytest.raises(ConfigError, match="; for weights of other classes, partial=True takes what fits of them"):
        Darknet(yolov3_tiny(1, width=0.05), write(source, tmp_path / f"a{suffix}"), ["raccoon"])


def test_weights_of_another_architecture_are_told_briefly(tmp_path: Path) -> None:
    save_weights(RetinaNet(narrow_retinanet, None, ["raccoon"]), tmp_path / "a.safetensors")
    with pytest.raises(ConfigError, match="the file states the architecture of RetinaNet; ") as error:
        Darknet(yolov3_tiny(1, width=0.05), tmp_path / "a.safetensors", ["raccoon"])
    assert len(str(error.value).replace(str(tmp_path), "")) < 400
