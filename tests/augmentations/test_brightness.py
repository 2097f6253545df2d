import pytest
import torch

from diode_pl.augmentations import Brightness
from tests.augmentations.painting import seeded
from tests.tiny import no_boxes, one_box_each


def test_adds_one_number_an_image_drawn_from_the_normal_distribution() -> None:
    images = torch.rand(4000, 3, 1, 2)
    added = Brightness(0.2)(images, no_boxes(4000), seeded())[0] - images
    assert added.std(dim=(1, 2, 3)).max() < 1e-6
    assert added[:, 0, 0, 0].std().item() == pytest.approx(0.2, rel=0.05)
    assert added.mean().item() == pytest.approx(0, abs=0.015)


def test_one_draw_for_the_batch_when_asked() -> None:
    images = torch.rand(5, 3, 4, 4)
    added = Brightness(per_image=False)(images, one_box_each(5), seeded())[0] - images
    assert added.abs().min() > 0 and added.std() < 1e-6


def test_boxes_stay() -> None:
    targets = one_box_each(3)
    moved = Brightness()(torch.rand(3, 3, 4, 4), targets, seeded())[1]
    assert torch.equal(moved.boxes, targets.boxes) and moved.valid.all()
