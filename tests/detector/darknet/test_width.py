"""The same network with fewer channels."""

from pathlib import Path

import pytest
import torch

from diode_pl.detector import Darknet, yolov3
from diode_pl.detector.darknet.cfg import Section, read_cfg
from diode_pl.detector.darknet.width import scale_width

SECTIONS = [
    Section("net", {"channels": "3"}),
    Section("convolutional", {"filters": "32", "size": "3", "stride": "2", "pad": "1", "batch_normalize": "1"}),
    Section("convolutional", {"filters": "32", "size": "3", "groups": "32", "pad": "1", "batch_normalize": "1"}),
    Section("convolutional", {"filters": "4", "batch_normalize": "1"}),
    Section("convolutional", {"filters": "21"}),
    Section("yolo", {"classes": "2", "mask": "0,1,2", "anchors": "4,4, 8,8, 16,16"}),
]


def channels(sections: list[Section]) -> list[tuple[int, int]]:
    return [(s.int_of("filters"), s.int_of("groups", 1)) for s in sections if s.kind == "convolutional"]


def test_layers_get_narrower_but_heads_and_the_narrowest_stay() -> None:
    assert channels(scale_width(SECTIONS, 0.5)) == [(16, 1), (16, 16), (4, 1), (21, 1)]
    assert channels(scale_width(SECTIONS, 0.1)) == [(8, 1), (8, 8), (4, 1), (21, 1)]
    assert channels(scale_width(SECTIONS, 2.0)) == [(64, 1), (64, 64), (8, 1), (21, 1)]


def test_numbers_stay_even() -> None:
    assert {filters % 2 for filters, _ in channels(scale_width(SECTIONS, 0.53))[:2]} == {0}


@pytest.mark.parametrize("width", [0.0, -1.0, float("nan")])
def test_a_factor_that_is_none(width: float) -> None:
    with pytest.raises(ValueError, match=r"width must be > 0, got"):
        scale_width(SECTIONS, width)


def test_added_maps_still_fit() -> None:
    sections = scale_width(yolov3(classes=2, repeats=(1, 1, 1, 1, 1)), 0.05)
    detector = Darknet(sections, None, ["cat", "dog"])
    assert len(detector(torch.rand(1, 3, 64, 64)).heads) == 3


@pytest.mark.parametrize("folder", ["mobilenetv2-yolov3-nano-coco", "yolo-fastest-1.1-coco"])
def test_depthwise_networks_of_others(shared_data: Path, folder: str) -> None:
    sections = read_cfg(next((shared_data / "weights" / folder).glob("*.cfg")))
    names = [str(i) for i in range(80)]
    whole, half = (Darknet(scale_width(sections, width), None, names) for width in (1.0, 0.5))
    sizes = [sum(parameter.numel() for parameter in detector.parameters()) for detector in (whole, half)]
    assert 0.2 < sizes[1] / sizes[0] < 0.5
    images = torch.rand(1, 3, 64, 64)
    assert [head.shape for head in half(images).heads] == [head.shape for head in whole(images).heads]
