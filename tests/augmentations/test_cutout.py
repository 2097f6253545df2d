import pytest
import torch
from torch import Tensor

from diode_pl.augmentations import Cutout
from tests.augmentations.painting import seeded
from tests.tiny import no_boxes, one_box_each

COUNT, SIDE = 800, 48


@pytest.fixture(scope="module")
def erased() -> Tensor:
    """``(COUNT, SIDE, SIDE)``: which pixels the published draws erase."""
    images = torch.ones(COUNT, 3, SIDE, SIDE)
    return Cutout()(images, no_boxes(COUNT), torch.Generator().manual_seed(0))[0][:, 0] == 0


def test_half_of_the_images_are_hit(erased: Tensor) -> None:
    assert erased.any(dim=(1, 2)).float().mean().item() == pytest.approx(0.5, abs=0.06)


def test_area_is_uniform_between_2_and_20_percent(erased: Tensor) -> None:
    area = erased.float().mean(dim=(1, 2))
    area = area[area > 0]
    assert area.min() > 0.015 and area.max() < 0.21
    quarters = torch.quantile(area, torch.tensor([0.25, 0.5, 0.75]))
    torch.testing.assert_close(quarters, torch.tensor([0.065, 0.11, 0.155]), atol=0.015, rtol=0)


def test_aspect_is_log_uniform_between_its_ends(erased: Tensor) -> None:
    hit = erased[erased.any(dim=(1, 2))]
    aspect = hit.any(dim=2).sum(dim=1) / hit.any(dim=1).sum(dim=1)
    assert 0.25 < aspect.min() < 0.4 and 2.6 < aspect.max() < 4
    assert aspect.log().mean().abs() < 0.12
    assert aspect.log().std().item() == pytest.approx(2 * 1.198 / 12**0.5, rel=0.1)


def test_it_is_one_full_rectangle(erased: Tensor) -> None:
    rows, columns = erased.any(dim=2), erased.any(dim=1)
    assert torch.equal(erased, rows[:, :, None] & columns[:, None])
    for span in (rows, columns):
        edges = span.int().diff(dim=1, prepend=torch.zeros(COUNT, 1), append=torch.zeros(COUNT, 1))
        assert (edges.abs().sum(dim=1) <= 2).all()


def test_it_lands_everywhere(erased: Tensor) -> None:
    assert erased.any(dim=0)[3:-3, 3:-3].all()  # the rim is reached seldom
    across, down = erased.float().mean(dim=(0, 1)), erased.float().mean(dim=(0, 2))
    for share in (across, down):
        assert share[: SIDE // 2].sum().item() == pytest.approx(share[SIDE // 2 :].sum().item(), rel=0.25)


def test_erased_pixels_take_the_fill_and_the_others_stay() -> None:
    images = torch.rand(6, 3, 16, 16)
    cut = Cutout(1.0, fill=2.0)(images, no_boxes(6), seeded())[0]
    hole = cut == 2.0
    assert hole.flatten(1).any(dim=1).all() and torch.equal(cut[~hole], images[~hole])


def test_boxes_stay() -> None:
    targets = one_box_each(3)
    moved = Cutout(1.0)(torch.rand(3, 3, 8, 8), targets, seeded())[1]
    assert torch.equal(moved.boxes, targets.boxes) and moved.valid.all()


def test_probability_zero_changes_nothing() -> None:
    images = torch.rand(50, 3, 4, 4)
    assert torch.equal(Cutout(0.0)(images, no_boxes(50), seeded())[0], images)
