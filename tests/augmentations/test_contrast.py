import pytest
import torch

from diode_pl.augmentations import Contrast
from tests.augmentations.painting import seeded
from tests.tiny import no_boxes, one_box_each


def test_multiplies_an_image_by_one_number_around_one() -> None:
    images = torch.rand(4000, 3, 1, 2) + 0.5
    factors = Contrast(0.1)(images, no_boxes(4000), seeded())[0] / images
    assert factors.std(dim=(1, 2, 3)).max() < 1e-6
    assert factors[:, 0, 0, 0].std().item() == pytest.approx(0.1, rel=0.05)
    assert factors.mean().item() == pytest.approx(1, abs=0.01)


def test_one_draw_for_the_batch_when_asked() -> None:
    images = torch.rand(5, 3, 4, 4) + 0.5
    factors = Contrast(per_image=False)(images, one_box_each(5), seeded())[0] / images
    assert (factors - 1).abs().min() > 0 and factors.std() < 1e-6


def test_boxes_stay() -> None:
    targets = one_box_each(3)
    moved = Contrast()(torch.rand(3, 3, 4, 4), targets, seeded())[1]
    assert torch.equal(moved.boxes, targets.boxes) and moved.valid.all()
