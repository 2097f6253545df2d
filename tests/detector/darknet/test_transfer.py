"""Darknet networks with other classes than their definition and weights say."""

from pathlib import Path

import numpy as np
import pytest
import torch

from diode_pl.detector import ConfigError, Darknet, yolov3, yolov3_tiny
from diode_pl.detector.darknet.builder import build_layers
from diode_pl.detector.darknet.cfg import Section, number_sections, read_cfg
from diode_pl.detector.darknet.transfer import read_other_classes, resize_heads
from diode_pl.detector.darknet.weights import parameters_in_order
from diode_pl.provenance import Provenance


def write(path: Path, detector: Darknet, layers: int | None = None) -> None:
    """A .weights file of a detector, or of its first layers."""
    parts = [np.array([0, 2, 5, 0, 0], "<i4").tobytes()]
    built = build_layers(detector.sections)
    for layer, module in list(zip(built, detector.layers, strict=True))[:layers]:
        layer.module.load_state_dict(module.state_dict())
        parts += [each.detach().numpy().astype("<f4").tobytes() for each in parameters_in_order(layer)]
    path.write_bytes(b"".join(parts))


def network(classes: int) -> Darknet:
    torch.manual_seed(classes)
    return Darknet(yolov3_tiny(classes, width=0.05), None, [f"class {i}" for i in range(classes)])


@pytest.mark.parametrize("build", [yolov3, yolov3_tiny])
def test_heads_are_those_of_the_number_of_classes(build) -> None:
    assert resize_heads(build(classes=80), 3) == build(classes=3)


def test_without_a_mask_all_anchors_count() -> None:
    yolo = Section("yolo", {"anchors": "1,2,3,4", "classes": "80"})
    resized = resize_heads([Section("net"), Section("convolutional", {"filters": "170"}), yolo], 1)
    assert resized[1].options["filters"] == "12" and resized[2].options["classes"] == "1"


@pytest.mark.parametrize("classes", [1, 2, 7, 80])
def test_a_file_of_any_number_of_classes_begins_a_detector(classes: int, tmp_path: Path) -> None:
    source = network(classes)
    write(tmp_path / "coco.weights", source)
    begun = Darknet(yolov3_tiny(5, width=0.05), tmp_path / "coco.weights", list("abcde"), partial=True)
    assert begun.provenance == Provenance.parse("weights from coco.weights")
    state = read_other_classes(number_sections(yolov3_tiny(5, width=0.05), "tiny"), tmp_path / "coco.weights")
    own = source.state_dict()
    assert state.keys() == {name for name in own if not name.endswith("num_batches_tracked")}
    for name, value in state.items():
        assert torch.equal(value, own[name])
        if value.shape == begun.state_dict()[name].shape:
            assert torch.equal(begun.state_dict()[name], value)


def test_a_file_that_is_cut_after_a_layer_fills_those_before(tmp_path: Path) -> None:
    source = network(80)
    write(tmp_path / "backbone.conv.7", source, layers=7)
    begun = Darknet(yolov3_tiny(1, width=0.05), tmp_path / "backbone.conv.7", ["raccoon"], partial=True)
    for i in range(7):
        for name, value in source.layers[i].state_dict().items():
            assert torch.equal(begun.layers[i].state_dict()[name], value)


def test_of_another_network_the_first_layers_are_taken_on_request(tmp_path: Path) -> None:
    wide = Darknet(yolov3_tiny(2, width=0.05, anchors=range(1, 19)), None, ["a", "b"])  # a third head
    write(tmp_path / "wide.weights", wide)
    with pytest.raises(ConfigError, match="it is of another network. partial=N takes its first N layers"):
        Darknet(yolov3_tiny(1, width=0.05), tmp_path / "wide.weights", ["raccoon"], partial=True)
    begun = Darknet(yolov3_tiny(1, width=0.05), tmp_path / "wide.weights", ["raccoon"], partial=13)
    assert torch.equal(begun.layers[0].conv.weight, wide.layers[0].conv.weight)
    assert not torch.equal(begun.layers[14].conv.weight, wide.layers[14].conv.weight)


def test_a_file_that_ends_inside_a_layer_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "cut.weights", network(2))
    content = (tmp_path / "cut.weights").read_bytes()
    (tmp_path / "cut.weights").write_bytes(content[: len(content) // 8 * 4])
    with pytest.raises(ConfigError, match="ends inside layer [0-9]+: it is of another network"):
        Darknet(yolov3_tiny(1, width=0.05), tmp_path / "cut.weights", ["raccoon"], partial=True)


def test_random_weights_need_no_definition_for_their_classes(shared_data: Path) -> None:
    folder = shared_data / "weights" / "yolo-fastest-1.1-coco"
    cfg = folder / "yolo-fastest-1.1.cfg"
    student = Darknet(cfg, None, ["raccoon"])
    assert student.class_names == ("raccoon",) and len(read_cfg(cfg)) == len(student.sections)
    with pytest.raises(ConfigError, match="80 classes; expected 1, .*partial=True takes what fits"):
        Darknet(cfg, folder / "yolo-fastest-1.1.weights", ["raccoon"])
    begun = Darknet(cfg, folder / "yolo-fastest-1.1.weights", ["raccoon"], partial=True)
    whole = Darknet(cfg, folder / "yolo-fastest-1.1.weights", folder / "coco.names")
    assert torch.equal(begun.layers[0].conv.weight, whole.layers[0].conv.weight)
