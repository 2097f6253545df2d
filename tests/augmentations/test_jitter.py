import pytest
import torch

from diode_pl.augmentations import Jitter
from tests.augmentations.painting import boxes_of_pixels, find, in_pixels, paint, seeded
from tests.tiny import no_boxes


@pytest.mark.parametrize("wrap", [True, False])
@pytest.mark.parametrize("per_image", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_boxes_move_with_pixels(wrap: bool, per_image: bool, seed: int) -> None:
    targets = boxes_of_pixels([(8, 6, 12, 9), (7, 7, 8, 10), (9, 5, 11, 8)], 16, 20)
    images, moved = Jitter(0.25, wrap, per_image=per_image)(paint(targets, 16, 20), targets, seeded(seed))
    assert not torch.equal(moved.boxes, targets.boxes) and moved.valid.all()
    for image, box in zip(images, in_pixels(moved, 16, 20), strict=True):
        assert find(image) == pytest.approx(box.tolist(), abs=1e-4)


@pytest.mark.parametrize("corner", [(0, 0, 3, 2), (13, 14, 16, 16), (6, 0, 7, 3)])
def test_boxes_are_cut_and_go_when_one_pixel_or_less_remains(corner: tuple[int, int, int, int]) -> None:
    targets = boxes_of_pixels([corner] * 150, 16, 16)
    images, moved = Jitter(0.25, per_image=True)(paint(targets, 16, 16), targets, seeded())
    left = (images[:, 0] == 1).sum(dim=(1, 2))
    assert {0, 1} < set(left.tolist())
    assert moved.valid.tolist() == (left > 1).tolist()
    for i in moved.valid.nonzero().flatten().tolist():
        assert find(images[i]) == pytest.approx(in_pixels(moved, 16, 16)[i].tolist(), abs=1e-4)


def test_wrapped_pixels_come_in_again_and_the_box_is_cut() -> None:
    targets = boxes_of_pixels([(0, 0, 6, 6)] * 40, 16, 16)
    images, moved = Jitter(0.25, wrap=True, per_image=True)(paint(targets, 16, 16), targets, seeded())
    assert (images[:, 0].sum(dim=(1, 2)) == 36).all()
    assert moved.boxes.min() == 0 and moved.boxes.max() <= 1
    for image, (x1, y1, x2, y2) in zip(images, in_pixels(moved, 16, 16).round().int().tolist(), strict=True):
        assert (image[:, y1:y2, x1:x2] == 1).all() and x2 > x1 and y2 > y1


@pytest.mark.parametrize(("side", "reach"), [(160, 20), (320, 40)])
def test_the_default_reaches_as_far_as_published(side: int, reach: int) -> None:
    targets = boxes_of_pixels([(side // 2, 0, side // 2 + 2, 1)] * 1500, 1, side)
    moved = Jitter(wrap=True, per_image=True)(torch.zeros(1500, 3, 1, side), targets, seeded())[1]
    steps = (in_pixels(moved, 1, side)[:, 0] - side // 2).round().int()
    assert steps.min() == -reach and steps.max() == reach


def test_every_shift_is_equally_likely() -> None:
    targets = boxes_of_pixels([(7, 7, 9, 9)] * 2000, 16, 16)
    moved = Jitter(0.25, per_image=True)(paint(targets, 16, 16), targets, seeded())[1]
    for axis in (0, 1):
        counts = torch.bincount((in_pixels(moved, 16, 16)[:, axis] - 3).round().int())
        assert len(counts) == 9  # -4 to 4
        expected = 2000 / 9
        assert ((counts - expected) ** 2 / expected).sum() < 26  # chi-square, 8 degrees of freedom, p = 0.001


def test_uncovered_border_takes_the_fill() -> None:
    images = Jitter(0.5, fill=0.25, per_image=True)(torch.ones(20, 3, 8, 8), no_boxes(20), seeded())[0]
    assert set(images.unique().tolist()) == {0.25, 1.0}


def test_reach_zero_changes_nothing() -> None:
    images = torch.rand(2, 3, 8, 8)
    assert torch.equal(Jitter(0.0)(images, no_boxes(2), seeded())[0], images)


def test_without_a_fill_the_border_repeats_the_edge() -> None:
    image = torch.rand(1, 3, 8, 8)
    moved = Jitter(0.5, fill=None)(image, no_boxes(1), seeded(1))[0]
    matches = [
        (dx, dy)
        for dx in range(-4, 5)
        for dy in range(-4, 5)
        if torch.equal(
            moved[0], image[0][:, (torch.arange(8) - dy).clamp(0, 7)][:, :, (torch.arange(8) - dx).clamp(0, 7)]
        )
    ]
    assert len(matches) == 1 and matches[0] != (0, 0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("per_image", [True, False])
def test_gradient_of_repeated_edges_is_right(seed: int, per_image: bool) -> None:
    images = torch.rand(2, 3, 8, 9, dtype=torch.float64, requires_grad=True)
    shift = Jitter(0.5, fill=None, per_image=per_image)
    assert torch.autograd.gradcheck(lambda x: shift(x, no_boxes(2), seeded(seed))[0], images)
