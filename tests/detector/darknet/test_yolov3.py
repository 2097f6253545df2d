from collections import Counter

import pytest
import torch

from diode_pl.detector import Darknet, Section, yolov3, yolov3_tiny
from diode_pl.detector.darknet.layers import Shortcut, YoloHead


def without_memory(sections: list[Section], classes: int = 80) -> Darknet:
    """A network whose numbers are counted but not stored."""
    with torch.device("meta"):
        return Darknet(sections, None, [str(c) for c in range(classes)])


def floats(detector: Darknet) -> int:
    """Numbers in a .weights file of this network."""
    return sum(v.numel() for name, v in detector.state_dict().items() if "num_batches_tracked" not in name)


def anchor_boxes(sections: list[Section], classes: int) -> list[list[list[float]]]:
    detector = Darknet(sections, None, [str(c) for c in range(classes)])
    return [layer.anchors.tolist() for layer in detector.layers if isinstance(layer, YoloHead)]


def pairs(first: int, end: int) -> list[list[float]]:
    return [[float(number), number + 1.0] for number in range(first, end, 2)]


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


def test_nine_anchors_give_yolov3_tiny_a_third_head() -> None:
    anchors = list(range(1, 19))
    detector = without_memory(yolov3_tiny(classes=2, width=0.5, anchors=anchors), 2)
    outputs = detector(torch.zeros(1, 3, 64, 96, device="meta"))
    assert outputs.strides == (32, 16, 8) and detector.stride == 32
    assert [tuple(head.shape) for head in outputs.heads] == [(1, 3, 2, 3, 7), (1, 3, 4, 6, 7), (1, 3, 8, 12, 7)]
    assert [feature.shape[1] for feature in outputs.features] == [256, 128, 64]
    # The largest things belong to the coarsest grid.
    assert anchor_boxes(yolov3_tiny(classes=2, width=0.1, anchors=anchors), 2) == [
        pairs(13, 19),
        pairs(7, 13),
        pairs(1, 7),
    ]


def test_each_head_has_its_anchors() -> None:
    anchors = list(range(1, 19))
    assert anchor_boxes(yolov3(classes=2, width=0.1, anchors=anchors), 2) == [pairs(13, 19), pairs(7, 13), pairs(1, 7)]
    # Of six the second to the fourth stand on the finer grid, the fourth on both.
    assert anchor_boxes(yolov3_tiny(classes=2, width=0.1, anchors=anchors[:12]), 2) == [pairs(7, 13), pairs(3, 9)]
    halves = [number + 0.5 for number in anchors]
    assert anchor_boxes(yolov3(classes=2, width=0.1, anchors=halves), 2)[2] == [[1.5, 2.5], [3.5, 4.5], [5.5, 6.5]]


def test_options_at_their_defaults_change_nothing() -> None:
    spelled_out = yolov3(width=1.0, repeats=[1, 2, 8, 8, 4])
    assert [(s.kind, s.options) for s in spelled_out] == [(s.kind, s.options) for s in yolov3()]


@pytest.mark.parametrize("repeats", [[1, 2, 8, 8, 4], [1, 1, 2, 2, 1], [0, 1, 0, 3, 1], [1, 0, 2, 0, 1]])
@pytest.mark.parametrize("spp", [False, True])
def test_residual_blocks_by_stage(repeats: list[int], spp: bool) -> None:
    detector = without_memory(yolov3(spp=spp, classes=3, width=0.25, repeats=repeats), 3)
    assert detector.backbone_norm_layers == 6 + 2 * sum(repeats)
    assert sum(isinstance(layer, Shortcut) for layer in detector.layers) == sum(repeats)
    outputs = detector(torch.zeros(1, 3, 64, 96, device="meta"))
    assert [tuple(head.shape[1:4]) for head in outputs.heads] == [(3, 2, 3), (3, 4, 6), (3, 8, 12)]
    assert [feature.shape[1] for feature in outputs.features] == [256, 128, 64]
    # The finer heads look back at the ends of the fourth and the third stage: the next one begins with a stride.
    sections = yolov3(spp=spp, repeats=repeats)
    routes = [section.options["layers"] for section in sections if section.kind == "route"]
    ends = [int(layers.removeprefix("-1,")) for layers in routes if layers.count(",") == 1]
    assert ends == sorted(ends, reverse=True) and len(ends) == 2
    assert [sections[1:][end + 1].options["stride"] for end in ends] == ["2", "2"]
    assert [sections[1:][end + 1].options["filters"] for end in ends] == ["1024", "512"]


def test_width_scales_every_layer_but_the_heads() -> None:
    full, half = (without_memory(yolov3(classes=3, width=width), 3) for width in (1.0, 0.5))
    assert [n.num_features for n in half.norm_layers()] == [n.num_features // 2 for n in full.norm_layers()]
    assert half(torch.zeros(1, 3, 64, 64, device="meta")).heads[0].shape[-1] == 8


def test_narrow_yolov3_learns() -> None:
    detector = Darknet(yolov3(classes=2, width=0.01, repeats=[1, 1, 1, 1, 1]), None, ["cat", "dog"])
    assert {norm.num_features for norm in detector.norm_layers()} == {8, 10}
    sum(head.square().mean() for head in detector(torch.rand(2, 3, 64, 64)).heads).backward()
    assert all(parameter.grad is not None for parameter in detector.parameters())


def test_narrow_networks_keep_some_filters() -> None:
    detector = Darknet(yolov3_tiny(classes=1, width=0.01), None, ["cat"])
    assert {norm.num_features for norm in detector.norm_layers()} == {8, 10}
    assert [head.shape[-1] for head in detector(torch.rand(2, 3, 32, 32)).heads] == [6, 6]


def test_bad_options() -> None:
    for build in (yolov3, yolov3_tiny):
        with pytest.raises(ValueError, match="classes must be >= 1, got 0"):
            build(classes=0)
    with pytest.raises(ValueError, match="width must be > 0, got 0.0"):
        yolov3_tiny(width=0.0)
    with pytest.raises(ValueError, match="width must be > 0, got -1.0"):
        yolov3(width=-1.0)
    for repeats in ([1, 2, 8, 8], [1, 2, 8, 8, -1], []):
        with pytest.raises(ValueError, match="repeats: five numbers >= 0, anchors: nine pairs; got"):
            yolov3(repeats=repeats)
    with pytest.raises(ValueError, match=r"anchors: nine pairs; got .* \[1, 2, 3, 4\]"):
        yolov3(anchors=[1, 2, 3, 4])
    with pytest.raises(ValueError, match=r"anchors: six or nine pairs, got \[1, 2, 3, 4\]"):
        yolov3_tiny(anchors=[1, 2, 3, 4])
