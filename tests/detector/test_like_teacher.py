"""Students with the network of their teacher."""

from collections.abc import Callable
from functools import partial

import pytest
import torch

from diode_pl import load_detector
from diode_pl.detector import (
    SSD,
    ConfigError,
    Detector,
    FasterRCNN,
    RetinaNet,
    like_teacher,
    narrow_faster_rcnn,
    narrow_retinanet,
    ssd_vgg16_bn,
)
from tests.detector.ultralytics.small_networks import tiny

NAMES = ("cat", "dog", "cup")


def parameters(detector: Detector) -> int:
    return sum(parameter.numel() for parameter in detector.parameters())


TEACHERS: dict[str, Callable[[], Detector]] = {
    "darknet": lambda: load_detector(weights="embedded"),
    "ssd": lambda: SSD(partial(ssd_vgg16_bn, width=0.05, maps=4, scales=(0.1, 0.2, 0.4, 0.65, 0.9)), None, NAMES),
    "retinanet": lambda: RetinaNet(narrow_retinanet, None, NAMES),
    "faster_rcnn": lambda: FasterRCNN(narrow_faster_rcnn, None, NAMES),
    "ultralytics": lambda: tiny(None, NAMES),
}


@pytest.mark.parametrize("family", TEACHERS)
def test_the_same_network_without_the_weights(family: str) -> None:
    teacher = TEACHERS[family]()
    student = like_teacher(teacher)
    assert type(student) is type(teacher) and student.class_names == teacher.class_names
    own, other = student.state_dict(), teacher.state_dict()
    assert {name: value.shape for name, value in own.items()} == {name: value.shape for name, value in other.items()}
    assert student.provenance is None
    assert any(not torch.equal(value, other[name]) for name, value in own.items())


def test_anchors_are_those_of_the_teacher() -> None:
    teacher = load_detector(width=0.1)
    teacher.fit_anchors(torch.rand(50, 2) * 100 + 5)
    assert torch.allclose(like_teacher(teacher).fitted_anchors(), teacher.fitted_anchors(), atol=1e-4)


def test_its_own_names() -> None:
    assert like_teacher(load_detector(width=0.1), names=["cat"]).class_names == ("cat",)


def test_narrower() -> None:
    teacher = load_detector(width=0.25)
    student = like_teacher(teacher, width=0.5)
    assert 0.2 < parameters(student) / parameters(teacher) < 0.5
    student.inherit(teacher)
    assert {len(student.norm_layers())} == {len(teacher.norm_layers())}


def test_only_darknet_networks_are_made_narrower() -> None:
    with pytest.raises(
        ConfigError, match=r"width: only Darknet networks are made narrower, not SSD; detector@student="
    ):
        like_teacher(TEACHERS["ssd"](), width=0.5)


def test_without_a_teacher() -> None:
    with pytest.raises(ConfigError, match=r"there is none; detector@student=NAME takes another one"):
        like_teacher(None)


def test_a_detector_of_ones_own_does_not_say_how_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = load_detector(width=0.1)
    monkeypatch.setattr(teacher, "weights_metadata", dict)
    with pytest.raises(
        ConfigError, match=r"like_teacher: a Darknet does not say how it is built; detector@student=NAME"
    ):
        like_teacher(teacher)
