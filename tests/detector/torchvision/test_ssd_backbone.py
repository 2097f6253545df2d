"""SSD on a VGG with batch norm: its layers are those of torchvision's SSD300, which has none."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.ssd import ssd300_vgg16

from diode_pl.detector import SSD, ssd_vgg16_bn
from diode_pl.detector.torchvision.ssd_backbone import SSDBackbone

ONCE = (1, 1, 1, 1, 1)
narrow = partial(ssd_vgg16_bn, width=0.02, repeats=ONCE)


def convolutions(module: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]


def test_the_convolutions_are_those_of_ssd300() -> None:
    with torch.device("meta"):
        own, known = ssd_vgg16_bn(91), ssd300_vgg16(weights_backbone=None)
    for part in ("backbone", "head"):
        ours, theirs = (convolutions(getattr(network, part)) for network in (own, known))
        assert [layer.weight.shape for layer in ours] == [layer.weight.shape for layer in theirs]
    norms = [layer for layer in own.backbone.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert len(norms) == len(convolutions(own.backbone)) == 23
    assert round(sum(p.numel() for p in own.parameters()) / 1e6) == 36


@torch.no_grad()
def test_with_norms_that_do_nothing_the_blocks_compute_what_ssd300_computes() -> None:
    with torch.device("meta"):  # no time is spent on numbers that are replaced
        own, known = SSDBackbone(1.0, (2, 2, 3, 3, 3), 6), ssd300_vgg16(weights_backbone=None).backbone
    own, known = own.to_empty(device="cpu").eval(), known.to_empty(device="cpu").eval()
    norms = [layer for layer in own.modules() if isinstance(layer, nn.BatchNorm2d)]
    for ours, norm, theirs in zip(convolutions(own), norms, convolutions(known), strict=True):
        assert theirs.bias is not None
        ours.weight = nn.init.kaiming_normal_(theirs.weight)
        if ours.bias is not None:
            ours.bias.zero_()
        norm.reset_parameters()
        norm.bias.copy_(theirs.bias.normal_(0, 0.1))
        norm.running_var.fill_(1 - norm.eps)
    maps = [(own.body[0], known.features), *zip([own.body[1], *own.extra], known.extra, strict=True)]
    found = expected = torch.rand(1, 3, 68, 68)  # 17 cells before the pooling that rounds up
    for i, (ours, theirs) in enumerate(maps):
        if i == 4:  # what loses its border needs more cells than there are
            found = expected = torch.rand(1, 256, 5, 5)
        found, expected = ours(found), theirs(expected)
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5 * float(expected.abs().max()))


def test_maps_and_default_boxes_of_ssd300() -> None:
    network = narrow(num_classes=3).eval()
    maps = network.backbone(torch.rand(1, 3, 300, 300))
    assert [each.shape[2] for each in maps.values()] == [38, 19, 10, 5, 3, 1]
    assert [each.shape[1] for each in maps.values()] == network.backbone.out_channels
    (boxes,) = network.anchor_generator(ImageList(torch.zeros(1, 3, 300, 300), [(300, 300)]), list(maps.values()))
    assert len(boxes) == 8732 == len(network.head(list(maps.values()))["cls_logits"][0])  # the paper's section 2.2
    sides = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1).sqrt()
    assert float(sides.min()) == pytest.approx(21, abs=0.1) and float(sides.max()) <= 300.01


@pytest.mark.parametrize("side", [304, 512])
def test_default_boxes_are_spread_evenly_at_any_size(side: int) -> None:
    network = narrow(num_classes=3).eval()
    maps = list(network.backbone(torch.rand(1, 3, side, side)).values())
    (boxes,) = network.anchor_generator(ImageList(torch.zeros(1, 3, side, side), [(side, side)]), maps)
    counts = [
        f.shape[2] ** 2 * n for f, n in zip(maps, network.anchor_generator.num_anchors_per_location(), strict=True)
    ]
    for level in boxes.split(counts):
        middles = (level[:, :2] + level[:, 2:]) / 2
        torch.testing.assert_close(middles.mean(dim=0), torch.full((2,), side / 2))


def test_the_first_map_is_made_of_vectors_of_length_twenty() -> None:
    backbone = SSDBackbone(0.02, ONCE, 2)
    first = backbone(torch.rand(2, 3, 64, 64))["0"]
    lengths = first.norm(dim=1)
    torch.testing.assert_close(lengths[lengths > 0], torch.full_like(lengths[lengths > 0], 20.0))
    assert backbone.first_scale.requires_grad


@torch.no_grad()
def test_a_cell_that_says_nothing_stays_nothing_in_half_precision() -> None:
    backbone = SSDBackbone(0.02, ONCE, 2).half().eval()
    for layer in backbone.body[0].parameters():
        layer.zero_()
    first = backbone(torch.rand(1, 3, 64, 64).half())["0"]
    assert first.dtype == torch.float16 and not bool(first.any())


def test_norm_layers_come_in_the_order_of_the_convolutions() -> None:
    detector = SSD(partial(narrow, repeats=(2, 2, 3, 3, 3)), None, ["cat", "dog"])
    names = {layer: name for name, layer in detector.named_modules()}
    assert [names[layer] for layer in detector.norm_layers()] == [
        names[layer] for layer in detector.modules() if isinstance(layer, nn.BatchNorm2d)
    ]
    # VGG-16 with its fully connected layers but the last.
    assert (detector.backbone_norm_layers, len(detector.norm_layers())) == (15, 23)


@pytest.mark.parametrize(("maps", "smallest"), [(2, 12), (4, 12), (5, 140), (6, 268)])
def test_no_smaller_image_will_do(maps: int, smallest: int) -> None:
    network = partial(narrow, maps=maps, scales=[0.5] * (maps + 1))
    detector = SSD(network, None, ["cat"], smallest=smallest).eval()
    assert len(detector(torch.rand(1, 3, smallest, smallest + 4)).heads) == maps
    with pytest.raises(ValueError, match=f"multiples of 4, and at least {smallest}, got {smallest - 4} x {smallest}"):
        detector(torch.rand(1, 3, smallest - 4, smallest))
    with pytest.raises(RuntimeError):
        detector.network.backbone(torch.rand(1, 3, smallest - 4, smallest - 4))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0.0}, "width and maps must be > 0"),
        ({"repeats": (1, 1, 1, 1)}, "repeats: expected 5 numbers"),
        ({"repeats": (1, 1, 0, 1, 1)}, "numbers >= 1"),
        ({"maps": 7, "scales": [0.5] * 8}, r"in \[2, 6\], got 0\.02 and 7"),
        ({"maps": 1, "scales": [0.5] * 2}, r"in \[2, 6\], got .* and 1"),
        ({"maps": 5}, "scales: expected 6 numbers, one more than maps"),
    ],
)
def test_says_what_is_out_of_range(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        narrow(num_classes=2, **options)


def test_gradients_reach_pixels_and_every_weight() -> None:
    network = narrow(num_classes=2, maps=4, scales=[0.1, 0.2, 0.4, 0.65, 0.9])
    images = torch.rand(2, 3, 64, 64, requires_grad=True)
    said: dict[str, Tensor] = network.head(list(network.backbone(images).values()))
    sum(each.square().sum() for each in said.values()).backward()
    assert images.grad is not None and bool(images.grad.abs().sum() > 0)
    # A bias right before a norm has no effect.
    of_effect = {n: p.grad for n, p in network.named_parameters() if p.dim() > 1}
    assert all(grad is not None and bool(grad.abs().sum() > 0) for grad in of_effect.values())
