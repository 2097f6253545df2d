from collections import Counter

import pytest
import torch

from diode_pl.detector import Darknet, Section, yolov3, yolov3_tiny


def without_memory(sections: list[Section], classes: int = 80) -> Darknet:
    """A network whose numbers are counted but not stored."""
    with torch.device("meta"):
        return Darknet(sections, None, [str(c) for c in range(classes)])


def floats(detector: Darknet) -> int:
    """Numbers in a .weights file of this network."""
    return sum(v.numel() for name, v in detector.state_dict().items() if "num_batches_tracked" not in name)


@pytest.mark.parametrize(
    ("sections", "count", "bytes_of_file"),
    [
        (yolov3(), 62_001_757, 248_007_048),
        (yolov3(spp=True), 63_052_381, 252_209_544),
        (yolov3_tiny(), 8_858_734, 35_434_956),
    ],
)
def test_published_weights_fit(sections: list[Section], count: int, bytes_of_file: int) -> None:
    assert floats(without_memory(sections)) == count
    assert bytes_of_file - 4 * count in (16, 20)


@pytest.mark.parametrize("spp", [False, True])
def test_darknet53_is_the_backbone(spp: bool) -> None:
    sections = yolov3(spp=spp)
    kinds = Counter(section.kind for section in sections[1:76])
    assert kinds == {"convolutional": 52, "shortcut": 23} and sections[75].kind == "shortcut"
    detector = without_memory(sections)
    assert detector.backbone_norm_layers == 52 and len(detector.norm_layers()) == (73 if spp else 72)


def test_heads_of_yolov3() -> None:
    detector = without_memory(yolov3(spp=True, classes=3), 3)
    outputs = detector(torch.zeros(1, 3, 64, 96, device="meta"))
    assert outputs.strides == (32, 16, 8) and detector.stride == 32
    assert [tuple(head.shape) for head in outputs.heads] == [(1, 3, 2, 3, 8), (1, 3, 4, 6, 8), (1, 3, 8, 12, 8)]
    assert [feature.shape[1] for feature in outputs.features] == [1024, 512, 256]


@pytest.mark.parametrize(("width", "channels"), [(1.0, [512, 256]), (0.25, [128, 64])])
def test_heads_of_yolov3_tiny(width: float, channels: list[int]) -> None:
    detector = without_memory(yolov3_tiny(classes=2, width=width), 2)
    outputs = detector(torch.zeros(1, 3, 64, 96, device="meta"))
    assert outputs.strides == (32, 16)
    assert [tuple(head.shape) for head in outputs.heads] == [(1, 3, 2, 3, 7), (1, 3, 4, 6, 7)]
    assert [feature.shape[1] for feature in outputs.features] == channels


def test_narrow_networks_keep_some_filters() -> None:
    detector = Darknet(yolov3_tiny(classes=1, width=0.01), None, ["cat"])
    assert {norm.num_features for norm in detector.norm_layers()} == {8, 10}
    assert [head.shape[-1] for head in detector(torch.rand(2, 3, 32, 32)).heads] == [6, 6]


def test_bad_options() -> None:
    for build in (yolov3, yolov3_tiny):
        with pytest.raises(ValueError, match="classes must be at least 1, got 0"):
            build(classes=0)
    with pytest.raises(ValueError, match="width must be above 0, got 0.0"):
        yolov3_tiny(width=0.0)
