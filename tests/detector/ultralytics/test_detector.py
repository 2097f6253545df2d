"""What the tests of all detectors (tests/detector/catalog) leave open."""

import json
from dataclasses import replace

import pytest
import torch

from diode_pl.detector import Ultralytics
from tests.detector.detectors import small, some_images
from tests.detector.ultralytics.small_networks import description, shrunk


def test_arguments_out_of_range() -> None:
    with pytest.raises(ValueError, match="assignment must be one of guided, center, task_aligned, got 'static'"):
        Ultralytics(model="yolo11n.yaml", assignment="static")
    with pytest.raises(ValueError, match=r"twin_similarity must be in \[-1, 1\], got 2"):
        Ultralytics(model="yolo11n.yaml", twin_similarity=2.0)


def test_no_box_ends_before_it_begins_and_its_gradient_stays() -> None:
    detector = small("ultralytics_26")
    outputs = detector(some_images())
    rows = torch.full_like(outputs.heads[1], -1.0).requires_grad_()
    found = detector.decode(replace(outputs, heads=(*outputs.heads[:1], rows)))
    boxes = found.boxes[:, -rows.shape[1] :]
    assert torch.equal(boxes[..., :2], boxes[..., 2:])
    boxes.square().sum().backward()
    assert rows.grad is not None and bool(rows.grad[..., :4].all())


def test_a_class_that_was_never_trained_is_left_out() -> None:
    detector = small("ultralytics")
    with torch.no_grad():
        for branch in detector.network.model[-1].cv3:
            branch[-1].weight[2] = branch[-1].weight[1] * 1.1
    assert detector.learned_classes() == {"cat": 0}
    detector._twin_similarity = 1.0
    assert len(detector.learned_classes()) == 3


def test_metadata_are_plain_and_only_of_the_class_itself() -> None:
    stated = json.loads(small("ultralytics_center").weights_metadata()["architecture"])
    assert stated["class"] == "Ultralytics" and stated["assignment"] == "center"
    assert stated["network"]["head"][-1][2] == "Detect" and "yaml_file" not in stated["network"]

    class Own(Ultralytics):
        pass

    assert Own(model=description("yolov8n.yaml")).weights_metadata() == {}


@pytest.mark.parametrize("name", ["yolov5n.yaml", "yolov10n.yaml"])
def test_other_networks_of_the_package(name: str) -> None:
    detector = shrunk(name, None, ["cat", "dog"]).eval()
    found = detector.decode(detector(some_images()))
    assert found.boxes.shape == (2, 84, 4) and detector.stride == 32
    assert 0 < detector.backbone_norm_layers < len(detector.norm_layers())
