"""Descriptions of networks name layers, and nothing else."""

import copy
from pathlib import Path
from typing import Any

import pytest

from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.ultralytics.description import read_description
from tests.detector.ultralytics.small_networks import description, need_package

NETWORKS = ["yolov5n", "yolov8n", "yolov9t", "yolov10n", "yolo11n", "yolo12n", "yolo26n"]


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_of_the_package(name: str) -> None:
    found = read_description(need_package(), f"{name}.yaml")
    assert found["head"][-1][2] == "Detect" and found["nc"] == 80 and "end2end" not in found
    assert list(found.get("scales", {})) in ([], [name[-1]])
    assert read_description(need_package(), found) == found


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("nc: 2\nbackbone:\n  - [-1, 1, Conv, [8, 3, 2]]\nhead:\n  - [[0], 1, Detect, [nc]]\n")
    assert read_description(need_package(), path)["backbone"] == [[-1, 1, "Conv", [8, 3, 2]]]


@pytest.mark.parametrize("model", ["yolo11n.pt", "yolo11n", "https://example.com/yolo11n.yaml", "ul://a/b.yaml"])
def test_what_would_be_downloaded_is_refused(model: str) -> None:
    with pytest.raises(ConfigError, match="model: expected a .yaml file such as yolo11n.yaml, got "):
        read_description(need_package(), model)


def test_a_name_that_there_is_not() -> None:
    with pytest.raises(ConfigError, match="model: yolo0n.yaml is not a file, and ultralytics has none of this name"):
        read_description(need_package(), "yolo0n.yaml")


@pytest.mark.parametrize("model", ["yolo11n-seg.yaml", "yolo11n-cls.yaml", "rtdetr-l.yaml"])
def test_networks_for_something_else(model: str) -> None:
    with pytest.raises(ConfigError, match=f"model: {model} ends with [A-Z]\\w+; expected a detection network"):
        read_description(need_package(), model)


def changed(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(description("yolov8n.yaml")), **changes}


LAYERS = ["torch_safe_load", "nn.functional", "nn.init", "torchvision.ops.nms", "TorchVision", "open", "__import__"]


@pytest.mark.parametrize("layer", [*LAYERS, None, 3])
def test_layers_that_are_none(layer: Any) -> None:
    model = changed()
    model["backbone"][1][2] = layer
    with pytest.raises(ConfigError, match="model: the network has a layer .*; expected those of ultralytics and torch"):
        read_description(need_package(), model)


@pytest.mark.parametrize("text", ["nn.ReLU()", "torch.nn.LeakyReLU(0.1, inplace=True)", " nn.SiLU() "])
def test_activations(text: str) -> None:
    assert read_description(need_package(), changed(activation=text))["activation"] == text


EXPRESSIONS = ["nn.ReLU", "print()", "nn.ReLU(open('a'))", "nn.modules.os.system('a')", "nn.Conv2d()", "nn.ReLU(", 3]


@pytest.mark.parametrize("text", [*EXPRESSIONS, "__import__('os').system('a') or nn.ReLU()"])
def test_activations_that_are_none(text: Any) -> None:
    with pytest.raises(ConfigError, match="model: the network has the activation .*; expected one of torch.nn"):
        read_description(need_package(), changed(activation=text))


@pytest.mark.parametrize(
    "changes", [{"head": None}, {"backbone": [[1, 2]]}, {"nc": "many"}, {"scale": "z"}, {"scales": {"n": object()}}]
)
def test_what_is_no_description(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="model: the network is not a description of a network"):
        read_description(need_package(), changed(**changes))


def test_images_of_other_channels() -> None:
    with pytest.raises(ConfigError, match="takes images of 1 channels; expected 3"):
        read_description(need_package(), changed(channels=1))
