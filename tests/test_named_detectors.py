"""The detectors that have a name: their files are the right ones, and where they cannot be had the user is told."""

import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.errors import InstantiationException
from hydra.utils import get_method, instantiate
from omegaconf import DictConfig, OmegaConf
from torchvision.models import get_model_weights

from diode_pl.detector import Darknet
from diode_pl.detector.torchvision.base import TorchvisionDetector
from diode_pl.shapes.objects import OBJECTS

CONF = Path(__file__).resolve().parents[1] / "conf"
IN_SHARED_DATA = {
    "mobilenetv2_yolov3_nano_coco": 80,
    "mobilenetv2_yolov3_nano_voc": 20,
    "yolo_fastest_1_1_coco": 80,
    "yolo_fastest_1_1_xl_coco": 80,
}
TO_DOWNLOAD = ["yolov3", "yolov3_spp", "yolov3_tiny"]


def teacher(name: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("synthesize", [f"detector@teacher={name}"]).teacher


@pytest.fixture(autouse=True)
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is on this machine, and nothing can be downloaded."""

    def unreachable(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.delenv("DIODE_WEIGHTS", raising=False)
    monkeypatch.setenv("DIODE_CACHE", str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", unreachable)


@pytest.mark.parametrize(("name", "classes"), IN_SHARED_DATA.items())
def test_builds_from_the_files_on_this_machine(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch, name: str, classes: int
) -> None:
    monkeypatch.setenv("DIODE_WEIGHTS", str(shared_data / "weights"))
    detector = instantiate(teacher(name), _convert_="object")
    assert isinstance(detector, Darknet) and len(detector.class_names) == classes


@pytest.mark.parametrize("name", IN_SHARED_DATA)
def test_names_the_files_that_were_examined(shared_data: Path, name: str) -> None:
    config = teacher(name)
    for file in (config.cfg, config.weights, config.names):
        source = (shared_data / "weights" / file.folder / "SOURCE.md").read_text(encoding="utf-8")
        assert f"{file.sha256}  {file.file} ({file.size} bytes)" in source
        found = re.search(r"repository: (\S+) \(GitHub\), commit (\w{40})\n- path in it: (\S+)\n", source)
        assert found, source
        assert file.url == f"https://raw.githubusercontent.com/{'/'.join(found.groups())}{file.file}"


@pytest.mark.parametrize("name", TO_DOWNLOAD)
def test_without_a_network_says_where_the_file_is_to_be_had(tmp_path: Path, name: str) -> None:
    config = teacher(name)
    assert config.weights.url.endswith(f"/{config.weights.file}")
    with pytest.raises(InstantiationException) as error:
        instantiate(config, _convert_="object")
    place = f"{config.weights.folder}/{config.weights.file}"
    for said in (f"from {config.weights.url}", "no network", f"put it at {tmp_path / place} or $DIODE_WEIGHTS/{place}"):
        assert said in str(error.value)


def test_each_of_them_has_weights_of_its_own() -> None:
    weights = [teacher(name).weights for name in TO_DOWNLOAD]
    for key in ("file", "folder", "url", "sha256", "size"):
        assert len({file[key] for file in weights}) == len(weights), key


@pytest.mark.parametrize("name", TO_DOWNLOAD)
def test_classes_are_cocos_as_darknet_spells_them(shared_data: Path, name: str) -> None:
    names = (shared_data / "weights" / "yolo-fastest-1.1-coco" / "coco.names").read_text(encoding="utf-8")
    assert list(teacher(name).names) == names.split("\n")[:80]


# ---------------------------------------------------------------- networks of torchvision

TORCHVISION = {
    name: OmegaConf.load(CONF / "detector" / f"{name}.yaml")
    for name in (path.stem for path in sorted((CONF / "detector").glob("*.yaml")))
}
TORCHVISION = {name: config for name, config in TORCHVISION.items() if "network" in config}
PUBLISHED = [name for name, config in TORCHVISION.items() if config.weights]
OF_SHAPES = [name for name in TORCHVISION if name.endswith("_shapes")]


def built(name: str, **changes: Any) -> TorchvisionDetector:
    """A detector from its YAML; one of a single stage holds no numbers, so that it costs no time."""
    config = OmegaConf.merge(teacher(name), {"weights": None, **changes})
    stages_that_look = name.startswith("fasterrcnn")  # how many boxes they look at depends on numbers
    with torch.device("cpu" if stages_that_look else "meta"):
        return instantiate(config, _convert_="object")


def test_they_are_all_here() -> None:
    assert len(TORCHVISION) == 12 and len(PUBLISHED) == 8 and len(OF_SHAPES) == 3


@pytest.mark.parametrize("name", TORCHVISION)
def test_builds_with_classes_of_ones_own_and_downloads_nothing(name: str) -> None:
    detector = built(name, names=["cat", "dog", "bird"])
    assert detector.class_names == ("cat", "dog", "bird") and detector.provenance is None
    assert (len(detector.norm_layers()) == 0) == (name == "ssd300_vgg16")
    # The constructor took the least size through the network; below it, the detector says so and torch does not.
    assert detector.smallest % detector.stride == 0
    too_small = detector.smallest - detector.stride
    with pytest.raises(ValueError, match=f"at least {detector.smallest}, got {too_small} x {detector.smallest}"):
        detector(torch.zeros(1, 3, too_small, detector.smallest, device=next(detector.parameters()).device))


@pytest.mark.parametrize("name", OF_SHAPES)
def test_networks_for_the_embedded_world_are_small_and_know_its_classes(name: str) -> None:
    detector = built(name)
    assert detector.class_names == tuple(OBJECTS)
    count = sum(parameter.numel() for parameter in detector.parameters()) / 1e6
    assert 0.5 < count < 1.5 and f"{count:.1f} million" in first_comment(name)


@pytest.mark.parametrize("name", PUBLISHED)
def test_comments_say_what_torchvision_says_of_its_weights(name: str) -> None:
    config = TORCHVISION[name]
    weights = get_model_weights(get_method(config.network._target_))[config.weights]
    assert f"AP {weights.meta['_metrics']['COCO-val2017']['box_map'] / 100:.3f}" in first_comment(name)
    count = weights.meta["num_params"] / 1e6
    assert f" {count:.0f} million" in first_comment(name) or f" {count:.1f} million" in first_comment(name)
    assert config.network.weights_backbone is None and config.names is None


def first_comment(name: str) -> str:
    lines = (CONF / "detector" / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    return " ".join(line.lstrip("# ") for line in lines if line.startswith("#"))
