import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from diode_pl.detector import ConfigError, Darknet, Section, yolov3_tiny
from diode_pl.targets import Targets
from tests.detector.darknet.small_network import (
    CFG,
    NAMES,
    known_outputs,
    positive_variances,
    some_numbers,
    write_network,
)
from tests.distillation.losses.batches import SIZE, network


def frozen(detector: Darknet) -> Darknet:
    detector.freeze()
    return detector


def some_images(dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.linspace(0, 1, 2 * 3 * 32 * 32, dtype=torch.float64).view(2, 3, 32, 32).sin().abs().to(dtype)


def some_targets() -> Targets:
    boxes = torch.tensor([[0.1, 0.1, 0.5, 0.5], [0.3, 0.4, 0.9, 0.9]])
    return Targets(boxes, torch.tensor([0, 1]), torch.tensor([0, 1]), 2)


class Reader:
    """The numbers of the weight file, convolution by convolution, without any code of the package."""

    def __init__(self) -> None:
        self.rest = positive_variances(some_numbers()).double()

    def take(self, *shape: int) -> Tensor:
        count = math.prod(shape)
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken.view(shape)

    def convolve(self, x: Tensor, filters: int, size: int, norm: bool, **options: int) -> Tensor:
        channels = x.shape[1] // options.get("groups", 1)
        if not norm:
            bias = self.take(filters)
            return F.conv2d(x, self.take(filters, channels, size, size), bias, **options)
        beta, gamma, mean, var = (self.take(filters).view(1, -1, 1, 1) for _ in range(4))
        x = F.conv2d(x, self.take(filters, channels, size, size), **options)
        return (x - mean) / torch.sqrt(var + 1e-5) * gamma + beta


def by_hand(images: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """The small network written out; heads and the maps that enter them."""
    file = Reader()
    x0 = F.leaky_relu(file.convolve(images, 8, 3, True, stride=2, padding=1), 0.1)
    x1 = F.max_pool2d(x0, 2)
    x2 = F.mish(file.convolve(x1, 8, 3, True, padding=1, groups=4))
    x3 = F.relu6(file.convolve(x2, 8, 1, False))
    x4 = F.silu(x3 + x1)
    x5 = torch.sigmoid(file.convolve(x4, 8, 1, True))
    x7 = x5.mean(dim=(2, 3), keepdim=True) * x4
    x8 = F.relu(file.convolve(x7, 16, 3, True, stride=2, padding=1))
    x9 = F.max_pool2d(x8, 3, 1, 1)
    head = file.convolve(x9, 14, 1, False)
    joined = torch.cat([F.interpolate(x9[:, 8:], scale_factor=2), x7], dim=1)
    fine = file.convolve(joined, 7, 1, False)
    assert not len(file.rest)
    heads = [head.view(2, 2, 7, 4, 4).permute(0, 1, 3, 4, 2), fine.view(2, 1, 7, 8, 8).permute(0, 1, 3, 4, 2)]
    return heads, [x9, joined]


def test_outputs_equal_the_network_written_by_hand(small: Darknet) -> None:
    outputs = frozen(small).double()(some_images())
    heads, features = by_hand(some_images())
    for found, expected in zip((*outputs.heads, *outputs.features), (*heads, *features), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    assert outputs.strides == (8, 4) and outputs.image_size == (32, 32) and small.stride == 8


def test_golden_outputs(small: Darknet) -> None:
    coarse, fine = frozen(small)(some_images(torch.float32)).heads
    assert coarse.shape == (2, 2, 4, 4, 7) and fine.shape == (2, 1, 8, 8, 7)
    assert coarse.flatten()[[0, 5, -1]].tolist() == pytest.approx([1.530975, 0.616813, 29.913143], rel=1e-4)
    assert fine.flatten()[[0, 5, -1]].tolist() == pytest.approx([4.605231, 3.419868, 11.628088], rel=1e-4)
    assert [float(coarse.std()), float(fine.std())] == pytest.approx([10.472684, 9.955782], rel=1e-4)


def test_images_of_another_size(small: Darknet) -> None:
    outputs = frozen(small)(torch.rand(1, 3, 40, 64))
    assert [tuple(head.shape) for head in outputs.heads] == [(1, 2, 5, 8, 7), (1, 1, 10, 16, 7)]
    assert outputs.strides == (8, 4)
    assert small.decode(outputs).boxes.shape == (1, 2 * 40 + 160, 4)


@pytest.mark.parametrize(("sections", "layers"), [(None, 2), (0, 0), (1, 1), (6, 3), (18, 4)])
def test_backbone(tmp_path: Path, sections: int | None, layers: int) -> None:
    assert Darknet(*write_network(tmp_path), NAMES, sections).backbone_norm_layers == layers


def test_backbone_without_shortcuts() -> None:
    conv = Section("convolutional", {"batch_normalize": "1", "filters": "6"})
    net, yolo = Section("net", {"width": "8", "height": "8"}), Section("yolo", {"anchors": "1,2", "classes": "1"})
    route = Section("route", {"layers": "-2"})
    assert Darknet([net, conv, conv, route, conv, yolo], None, ["cat"]).backbone_norm_layers == 2
    assert Darknet([net, conv, conv, conv, yolo], None, ["cat"]).backbone_norm_layers == 3


@pytest.mark.parametrize("sections", [-1, 19])
def test_backbone_out_of_range(tmp_path: Path, sections: int) -> None:
    with pytest.raises(ValueError, match=f"backbone_sections must be from 0 to 18, got {sections}"):
        Darknet(*write_network(tmp_path), NAMES, sections)


def test_names_from_a_file(tmp_path: Path) -> None:
    names = tmp_path / "some.names"
    names.write_text("cat\r\n dog \n\n")
    assert Darknet(*write_network(tmp_path), names).class_names == ("cat", "dog")


@pytest.mark.parametrize("names", [["cat"], ["cat", "dog", "cow"]])
def test_too_few_or_too_many_names(tmp_path: Path, names: Sequence[str]) -> None:
    with pytest.raises(
        ConfigError, match=rf"section 12 \[yolo\].*classes=2: 2 classes; expected {len(names)}, as many"
    ):
        Darknet(*write_network(tmp_path), names)


@pytest.mark.parametrize("key", ["cfg", "weights", "names"])
def test_a_file_that_is_not_there_is_named_with_its_key(tmp_path: Path, key: str) -> None:
    cfg, weights = write_network(tmp_path)
    files = {"cfg": cfg, "weights": weights, "names": NAMES} | {key: tmp_path / "absent"}
    said = rf"^{key}: .*absent does not exist"
    with pytest.raises(ConfigError, match=said):
        Darknet(**files)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda s: s[: s.index("[yolo]")], r"small.cfg: found no \[yolo\] section; expected at least one"),
        (
            lambda s: s.replace("[dropout]\nprobability=.3", "[yolo]\nanchors=1,1\nclasses=11"),
            r"section 11 \[convolutional\].*it reads layer 10, a \[yolo\], which yields no map",
        ),
        (
            lambda s: s.replace("[yolo]", "[dropout]\n\n[yolo]", 1),
            r"section 13 \[yolo\].*it follows a \[dropout\]; expected a \[convolutional\] before it",
        ),
    ],
)
def test_heads_that_do_not_fit(tmp_path: Path, change: Callable[[str], str], wanted: str) -> None:
    cfg, weights = write_network(tmp_path)
    cfg.write_text(change(CFG))
    with pytest.raises(ConfigError, match=wanted):
        Darknet(cfg, weights, NAMES)


def test_predict_of_known_logits(small: Darknet) -> None:
    first, second = small.predict(known_outputs(small), confidence=0.1, iou=0.4)
    assert first.labels.tolist() == [0, 1] and first.scores.tolist() == pytest.approx([1.0, 0.5], abs=1e-4)
    box = [2 / 32, 8 / 32, 22 / 32, 1.0]  # center 12, 20; 20 x 24; the part below the image is cut
    torch.testing.assert_close(first.boxes, torch.tensor([box, box]))
    assert second.labels.tolist() == [1] and second.scores.tolist() == pytest.approx([0.5])
    torch.testing.assert_close(second.boxes, torch.tensor([[26 / 32, 0.0, 1.0, 4.5 / 32]]))


def test_predict_options(small: Darknet) -> None:
    outputs = known_outputs(small)
    kept = small.predict(outputs, confidence=0.1, iou=0.45)[0]
    assert kept.labels.tolist() == [0, 0, 1], "the two cats overlap by 12 / 28 of their union"
    assert kept.scores.tolist() == pytest.approx([1.0, 0.7311, 0.5], abs=1e-3)
    assert len(small.predict(outputs, confidence=0.6)[0].labels) == 2
    assert len(small.predict(outputs, confidence=0.8)[0].labels) == 1
    assert len(small.predict(outputs, confidence=0.1, max_detections=2)[0].labels) == 2
    nothing = small.predict(outputs, confidence=1.0)
    assert [len(d.labels) for d in nothing] == [0, 0] and nothing[0].boxes.shape == (0, 4)


def test_gains_reach_the_loss(tmp_path: Path) -> None:
    cfg, weights = write_network(tmp_path)
    plain = frozen(Darknet(cfg, weights, NAMES))
    gains = {"box_gain": 1.0, "class_gain": 0.0, "objectness_gain": 1.0}
    other = frozen(Darknet(cfg, weights, NAMES, **gains, anchor_threshold=0.9))
    outputs = plain(some_images(torch.float32))
    assert other.yolo_loss.anchor_threshold == 0.9
    a, b = plain.loss(outputs, some_targets()), other.loss(outputs, some_targets())
    assert a["class"] > 0 and b["class"] == 0 and a["box"] > 0 and b["box"] == 0


def test_the_stem_is_the_first_convolution() -> None:
    net, images = network().eval(), torch.rand(3, 3, 20, 20, requires_grad=True)
    assert net.class_activation == "sigmoid"
    found = net.forward_stem(images)
    assert found.equal(net.layers[0](images)) and found.shape == (3, 16, 10, 10)
    found.sum().backward()
    assert bool(images.grad.any())


def test_the_stem_has_the_pooling_that_follows_at_once() -> None:
    net = Darknet(yolov3_tiny(len(NAMES), width=0.5), None, NAMES).eval()
    assert net.forward_stem(torch.rand(1, 3, SIZE, SIZE)).shape == (1, 8, SIZE // 2, SIZE // 2)
