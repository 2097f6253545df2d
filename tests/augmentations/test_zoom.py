import pytest
import torch

from diode_pl.augmentations import Zoom
from tests.augmentations.painting import boxes_of_pixels, find, in_pixels, paint, seeded
from tests.tiny import no_boxes


@pytest.mark.parametrize("seed", range(4))
def test_boxes_move_with_pixels(seed: int) -> None:
    targets = boxes_of_pixels([(30, 20, 60, 50), (10, 40, 80, 70), (50, 30, 90, 60)] * 4, 96, 120)
    zoom = Zoom(stretch=1.5, probability=1.0, visible=0.0)
    images, moved = zoom(paint(targets, 96, 120), targets, seeded(seed))
    assert not torch.isclose(moved.boxes, targets.boxes).all(dim=1).any()
    found = 0
    for image, box, valid in zip(images, in_pixels(moved, 96, 120), moved.valid, strict=True):
        if valid and float((box[2:] - box[:2]).min()) > 3:
            # The bright part ends where a quarter of a pixel is missing, and an enlarged edge is soft.
            assert find(image) == pytest.approx(box.tolist(), abs=2.0)
            found += 1
    assert found > 6


def test_sizes_and_proportions_reach_their_limits_and_no_further() -> None:
    targets = boxes_of_pixels([(40, 40, 60, 60)] * 400, 100, 100)
    zoom = Zoom((0.5, 2.0), stretch=1.44, reach=0.0, probability=1.0, visible=0.0)
    _, moved = zoom(torch.rand(400, 3, 100, 100), targets, seeded())
    whole = moved.valid & (moved.boxes > 0).all(dim=1) & (moved.boxes < 1).all(dim=1)
    width, height = ((moved.boxes[:, 2:] - moved.boxes[:, :2]) / 0.2)[whole].T
    scale, ratio = (width * height).sqrt(), width / height
    assert 0.5 <= scale.min() < 0.53 and 1.8 < scale.max() <= 2.0
    assert 1 / 1.44 <= ratio.min() < 0.73 and 1.38 < ratio.max() <= 1.44


def test_without_reach_a_small_image_lies_inside_and_a_large_one_covers() -> None:
    shrunk, _ = Zoom((0.5, 0.5), 1.0, 0.0, 0.0, 1.0)(torch.ones(50, 3, 32, 32), no_boxes(50), seeded())
    assert shrunk.mean(dim=(1, 2, 3)) == pytest.approx(0.25, abs=0.01)
    grown, _ = Zoom((1.5, 1.5), 1.0, 0.0, 0.0, 1.0)(torch.ones(50, 3, 32, 32), no_boxes(50), seeded())
    assert grown[:, :, 1:-1, 1:-1].min() > 0.99
    assert Zoom((0.5, 0.5), fill=0.3, probability=1.0)(torch.ones(1, 3, 32, 32), no_boxes(1), seeded())[0].min() == 0.3


def test_a_box_goes_when_too_little_of_it_stays() -> None:
    targets = boxes_of_pixels([(0, 0, 30, 30)] * 300, 64, 64)
    _, every = Zoom((2.0, 2.0), 1.0, 0.0, probability=1.0, visible=0.0)(torch.rand(300, 3, 64, 64), targets, seeded())
    _, most = Zoom((2.0, 2.0), 1.0, 0.0, probability=1.0, visible=0.5)(torch.rand(300, 3, 64, 64), targets, seeded())
    share = (every.boxes[:, 2:] - every.boxes[:, :2]).prod(dim=1) / (60 / 64) ** 2
    assert most.valid.tolist() == (every.valid & (share > 0.5)).tolist() and 0 < most.valid.sum() < every.valid.sum()


def test_never_and_half_of_the_time() -> None:
    images = torch.rand(400, 3, 8, 8)
    assert torch.allclose(Zoom(probability=0.0)(images, no_boxes(400), seeded())[0], images, atol=1e-6)
    changed = Zoom(probability=0.5)(images, no_boxes(400), seeded())[0]
    same = torch.isclose(changed, images, atol=1e-5).flatten(1).all(dim=1)
    assert same.float().mean().item() == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize(
    "arguments",
    [
        {"scale": (0.0, 1.0)},
        {"scale": (1.2, 1.1)},
        {"scale": (1.0,)},
        {"stretch": 0.9},
        {"reach": 1.0},
        {"fill": 1.5},
        {"probability": -0.1},
        {"visible": 1.0},
    ],
)
def test_bad_input(arguments: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        Zoom(**arguments)
