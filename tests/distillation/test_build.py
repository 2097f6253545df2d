"""A student for the classes of its teacher."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from diode_pl.detector import (
    Darknet,
    Detector,
    Onnx,
    RetinaNet,
    Ultralytics,
    load_weights_file,
    narrow_retinanet,
    yolov3_tiny,
)
from diode_pl.distillation.build import build_student
from diode_pl.report import save_weights
from tests.detector.onnx.small_files import need_package, write_model
from tests.detector.ultralytics.small_networks import tiny_model, write_best
from tests.tiny_network import NAMES, tiny_network

TINY = partial(yolov3_tiny, width=0.05)
NAMED = {
    "darknet": partial(Darknet, cfg=TINY, weights=None, names=None),
    "torchvision": partial(RetinaNet, network=narrow_retinanet, weights=None, names=None),
}


@pytest.mark.parametrize("kind", NAMED)
def test_without_names_it_has_those_that_it_will_learn(kind: str) -> None:
    student = build_student(NAMED[kind], ["raccoon"])
    assert isinstance(student, Detector) and student.class_names == ("raccoon",)


def test_its_own_names_stay() -> None:
    student = build_student(partial(Darknet, cfg=TINY, weights=None, names=["cat", "dog"]), ["raccoon"])
    assert student.class_names == ("cat", "dog")


def test_a_weights_file_has_names_of_its_own(tmp_path: Path) -> None:
    save_weights(Darknet(yolov3_tiny(2, width=0.05), None, ["cat", "dog"]), tmp_path / "student.safetensors")
    factory = partial(load_weights_file, weights=tmp_path / "student.safetensors", names=None)
    assert build_student(factory, ["raccoon"]).class_names == ("cat", "dog")
    # Unless it only begins with the file.
    assert build_student(partial(factory, partial=True), ["raccoon"]).class_names == ("raccoon",)


def test_a_file_of_ultralytics_has_names_of_its_own_and_its_networks_have_none(tmp_path: Path) -> None:
    write_best(tmp_path / "best.pt", tiny_model())
    factory = partial(Ultralytics, weights=tmp_path / "best.pt", names=None)
    assert build_student(factory, ["raccoon"]).class_names == ("cat", "dog", "cup")
    for changes in ({"partial": True}, {"weights": None, "model": tiny_model()}):
        assert build_student(partial(factory, **changes), ["raccoon"]).class_names == ("raccoon",)


def test_an_onnx_file_has_names_of_its_own(tmp_path: Path) -> None:
    need_package()
    factory = partial(Onnx, weights=write_model(tmp_path / "a.onnx"), names=None)
    assert build_student(factory, ["raccoon"]).class_names == ("cat", "dog", "cup")
    with pytest.raises(ValueError, match=r"^student.weights: expected the path of an .onnx file, got null"):
        build_student(partial(factory, weights=None), ["raccoon"])


def test_a_detector_that_calls_them_otherwise_is_left_alone(tmp_path: Path) -> None:
    def custom(class_names: list[str], weights: None) -> Any:
        return tiny_network(tmp_path)

    assert build_student(partial(custom, class_names=["a"], weights=None, names=None), ["raccoon"]).class_names == NAMES


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": "absent.pt"}, "^student.weights: .*absent.pt does not exist"),
        ({"names": ["cat", "cat"]}, "^student: class names must be unique"),
        ({"backbone_sections": 99}, "^student.backbone_sections must be"),
    ],
)
def test_errors_name_the_argument_of_the_student(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_student(partial(NAMED["darknet"], **changes), ["raccoon"])
