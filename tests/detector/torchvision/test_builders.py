from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import get_method
from omegaconf import OmegaConf

from diode_pl.detector import narrow_retinanet, ssd_vgg16_bn
from diode_pl.detector.torchvision.builders import BUILDERS, describe_builder, find_builder
from tests.detector.torchvision.small_networks import tiny_retinanet

DETECTORS = sorted((Path(__file__).resolve().parents[3] / "conf" / "detector").glob("*.yaml"))
NETWORKS = {path.stem: dict(config.network) for path in DETECTORS if "network" in (config := OmegaConf.load(path))}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_of_every_named_detector_is_described_and_found(name: str) -> None:
    target, arguments = NETWORKS[name]["_target_"], OmegaConf.to_container(OmegaConf.create(NETWORKS[name]))
    arguments = {key: value for key, value in arguments.items() if key[0] != "_"}
    found = find_builder(describe_builder(partial(get_method(target), **arguments)))
    assert found.func is get_method(target)
    assert {key: value for key, value in found.keywords.items() if value is not None} == {
        key: value for key, value in arguments.items() if value is not None
    }


def test_the_network_is_the_same() -> None:
    found = find_builder(describe_builder(tiny_retinanet))
    shapes = [[tuple(p.shape) for p in build(num_classes=2).parameters()] for build in (found, tiny_retinanet)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(
    "build", [lambda num_classes: None, partial(ssd_vgg16_bn, 3), partial(ssd_vgg16_bn, maps=torch)]
)
def test_what_plain_data_cannot_describe(build: Any) -> None:
    assert describe_builder(build) is None


def test_downloads_are_not_part_of_a_network() -> None:
    name = "torchvision.models.detection.fcos_resnet50_fpn"
    described = describe_builder(partial(BUILDERS[name], weights_backbone="DEFAULT"))
    assert described == {"builder": name, "arguments": {}}
    found = find_builder({"builder": name, "arguments": {"weights": "COCO_V1"}})
    assert found.keywords == {"weights": None, "weights_backbone": None}


@pytest.mark.parametrize("name", ["os.system", "narrow_retinanet", "torchvision.models.resnet18"])
def test_other_functions_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"must be one of diode_pl.detector.narrow_.*got '{name}'"):
        find_builder({"builder": name, "arguments": {}})


def test_a_builder_alone() -> None:
    assert describe_builder(narrow_retinanet) == {"builder": "diode_pl.detector.narrow_retinanet", "arguments": {}}
