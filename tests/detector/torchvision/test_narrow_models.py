"""Small networks for small images."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from diode_pl.detector import SSD, Detector, FasterRCNN, RetinaNet, narrow_faster_rcnn, narrow_retinanet, ssd_vgg16_bn
from diode_pl.targets import Targets
from tests.detector.torchvision.small_networks import tiny_faster_rcnn, tiny_retinanet

NAMES = ["mug", "key", "star"]
tiny_ssd = partial(ssd_vgg16_bn, width=0.05, repeats=(1, 1, 1, 1, 1), maps=4, scales=(0.1, 0.2, 0.4, 0.65, 0.9))

DETECTORS: dict[str, Callable[[], Detector]] = {
    "retinanet": lambda: RetinaNet(tiny_retinanet, None, NAMES),
    "faster_rcnn": lambda: FasterRCNN(tiny_faster_rcnn, None, NAMES),
    "ssd": lambda: SSD(tiny_ssd, None, NAMES, smallest=12),
}
TARGETS = Targets(
    boxes=torch.tensor([[0.1, 0.2, 0.5, 0.6], [0.4, 0.4, 0.9, 0.95], [0.5, 0.1, 0.8, 0.4]]),
    labels=torch.tensor([0, 1, 2]),
    image_index=torch.tensor([0, 0, 1]),
    batch_size=2,
)


@pytest.fixture(params=DETECTORS)
def detector(request: pytest.FixtureRequest) -> Detector:
    return DETECTORS[request.param]()


def test_learns_two_images_from_random_weights(detector: Detector) -> None:
    images = torch.rand(2, 3, 64, 64)
    optimizer = torch.optim.AdamW(detector.train().parameters(), 3e-3)
    losses = []
    for _ in range(12):
        loss = torch.stack(list(detector.loss(detector(images), TARGETS).values())).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[0] < 60 and losses[-1] < 0.7 * losses[0]


def test_each_norm_layer_sees_one_map_a_pass(detector: Detector) -> None:
    passes = dict.fromkeys(detector.norm_layers(), 0)
    for layer in passes:
        layer.register_forward_pre_hook(lambda layer, _: passes.__setitem__(layer, passes[layer] + 1))
    detector.eval()(torch.rand(1, 3, 64, 64))
    assert set(passes.values()) == {1}
    assert set(passes) == {m for m in detector.modules() if isinstance(m, nn.BatchNorm2d)}
    assert 0 < detector.backbone_norm_layers < len(passes)


@pytest.mark.parametrize("name", ["retinanet", "faster_rcnn"])
def test_one_cell_at_the_coarsest_stride_is_enough(name: str) -> None:
    detector = DETECTORS[name]().eval()
    outputs = detector(torch.rand(1, 3, 32, 64))
    assert outputs.strides == (8, 16, 32) and [f.shape[2:] for f in outputs.features] == [(4, 8), (2, 4), (1, 2)]
    with pytest.raises(ValueError, match="multiples of 32, and at least 32, got 48 x 64"):
        detector(torch.rand(1, 3, 48, 64))
    with pytest.raises(ValueError, match="at least 32, got 0 x 64"):
        detector(torch.rand(1, 3, 0, 64))


def test_random_retinanet_takes_one_anchor_in_a_hundred_for_an_object() -> None:
    detector = DETECTORS["retinanet"]().eval()
    with torch.no_grad():
        dense = detector.decode(detector(torch.rand(1, 3, 160, 160)))
    scores = dense.objectness[..., None] * dense.classes
    assert dense.objectness.shape[1] == 9 * (20**2 + 10**2 + 5**2)
    assert float(scores.mean()) == pytest.approx(0.01, abs=0.002)


@pytest.mark.parametrize("convolutions", [1, 3])
def test_heads_have_as_many_convolutions_as_wanted(convolutions: int) -> None:
    network = tiny_retinanet(num_classes=2, head_convolutions=convolutions)
    for head in (network.head.classification_head, network.head.regression_head):
        assert sum(isinstance(m, nn.Conv2d) for m in head.conv.modules()) == convolutions


def test_anchors_are_of_the_sides_and_shapes_that_are_given() -> None:
    network = tiny_retinanet(num_classes=2, anchors=[[16], [40], [90]])
    for sides, side in zip(network.anchor_generator.cell_anchors, (16, 40, 90), strict=True):
        width, height = (sides[:, 2:] - sides[:, :2]).unbind(dim=1)
        torch.testing.assert_close((width * height).sqrt(), torch.full((3,), float(side)), atol=1.5, rtol=0)
        torch.testing.assert_close(height / width, torch.tensor([0.5, 1.0, 2.0]), atol=0, rtol=0.1)


@pytest.mark.parametrize(("side", "level"), [(16, 0), (40, 0), (63, 0), (65, 1), (120, 1), (140, 2)])
def test_small_things_are_looked_up_on_the_fine_map(side: int, level: int) -> None:
    pool = narrow_faster_rcnn(2).roi_heads.box_roi_pool
    maps = {str(i): torch.full((1, 1, 20 >> i, 20 >> i), float(i)) for i in range(3)}
    pooled = pool(maps, [torch.tensor([[5.0, 5.0, 5.0 + side, 5.0 + side]])], [(160, 160)])
    torch.testing.assert_close(pooled, torch.full((1, 1, 5, 5), float(level)))


@torch.no_grad()
def test_proposals_are_as_many_as_wanted_and_not_more() -> None:
    network = narrow_faster_rcnn(3, proposals=7).eval()
    images = torch.rand(1, 3, 160, 160)
    network.rpn.nms_thresh = 1.0
    seen = []
    network.roi_heads.box_roi_pool.register_forward_pre_hook(lambda _, given: seen.append(given[1]))
    network(list(images))
    assert [len(boxes) for boxes in seen[0]] == [7]


@pytest.mark.parametrize(
    ("build", "options", "message"),
    [
        (narrow_retinanet, {"channels": (8, 8, 8)}, "expected five numbers"),
        (narrow_retinanet, {"repeats": (1, 1, 0, 1, 1)}, "five numbers >= 1"),
        (narrow_retinanet, {"head_convolutions": 5}, "expected 1 to 4, got 5"),
        (narrow_retinanet, {"anchors": ((16,), (32,))}, "each of three maps"),
        (narrow_faster_rcnn, {"anchors": ((16,), (32, 40), (64,))}, "equally many sides"),
    ],
)
def test_says_what_is_out_of_range(build: Callable[..., nn.Module], options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(num_classes=2, **options)
