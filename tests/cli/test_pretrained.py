"""A student that begins with the public weights of its option."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from diode_pl.cli.pretrained import fill_pretrained
from tests.command_line import ROOT

CONF = ROOT / "conf"


def composed(option: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", overrides=[f"detector@student={option}", "student.weights=pretrained"])


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("yolov3_spp", "yolov3-spp.weights"),  # what it extends has others
        ("mobilenetv2_yolov3_nano_coco", "MobileNetV2-YOLOv3-Nano-coco.weights"),
        ("ssdlite320_mobilenet_v3_large", "COCO_V1"),
    ],
)
def test_they_are_those_of_the_option(option: str, expected: str) -> None:
    config = composed(option)
    fill_pretrained(config, {"detector@student": option}, [CONF])
    weights = config.student.weights
    assert (weights if isinstance(weights, str) else weights.file) == expected


@pytest.mark.parametrize("option", ["ssd_shapes", "darknet", "recorded"])
def test_an_option_without_weights_says_so(option: str) -> None:
    with pytest.raises(
        ValueError, match=f"student.weights=pretrained: detector@student={option} has no public weights"
    ):
        fill_pretrained(composed(option), {"detector@student": option}, [CONF])


def test_an_option_of_ones_own_comes_first(tmp_path: Path) -> None:
    (tmp_path / "detector").mkdir()
    (tmp_path / "detector" / "yolov3.yaml").write_text("weights: mine.weights")
    config = OmegaConf.create({"student": {"weights": "pretrained"}, "teacher": {"weights": None}})
    fill_pretrained(config, {"detector@student": "yolov3"}, [tmp_path, CONF])
    assert config.student.weights == "mine.weights" and config.teacher.weights is None
