import math

import pytest
import torch

from diode_pl.augmentations import Zoom
from tests.augmentations.painting import boxes_of_pixels, find, in_pixels, paint, seeded
from tests.tiny import no_boxes


@pytest.mark.parametrize("scale", [(0.4, 0.9), (1.1, 1.4), (0.8, 1.25)])
@pytest.mark.parametrize("seed", range(3))
def test_boxes_move_with_pixels(scale: tuple[float, float], seed: int) -> None:
    targets = boxes_of_pixels([(14, 14, 30, 28), (20, 14, 26, 22), (16, 12, 24, 30)], 40, 48)
    images, moved = Zoom(scale)(paint(targets, 40, 48), targets, seeded(seed))
    assert moved.valid.all()
    for image, box in zip(images, in_pixels(moved, 40, 48), strict=True):
        assert find(image) == pytest.approx(box.tolist(), abs=1.01)


def test_factor_is_log_uniform_between_its_ends() -> None:
    targets, generator = boxes_of_pixels([(31, 31, 33, 33)], 64, 64), seeded()
    images = torch.zeros(1, 3, 64, 64)
    moved = torch.cat([Zoom((0.5, 0.999))(images, targets, generator)[1].boxes for _ in range(300)])
    logs = ((moved[:, 2] - moved[:, 0]) * 32).log()
    assert logs.min() > math.log(0.49) and logs.max() < 1e-6
    assert logs.mean().item() == pytest.approx(math.log(0.5) / 2, abs=0.04)
    assert logs.std().item() == pytest.approx(math.log(2) / 12**0.5, rel=0.1)


def test_boxes_that_leave_the_picture_are_switched_off() -> None:
    targets = boxes_of_pixels([(0, 0, 4, 4), (28, 28, 32, 32), (14, 14, 18, 18)], 32, 32)
    lost = []
    for seed in range(30):
        images, moved = Zoom((2.0, 2.0))(paint(targets, 32, 32), targets, seeded(seed))
        bright = [(image[0] > 0.75).sum().item() for image in images]
        lost += [seen for seen, valid in zip(bright, moved.valid.tolist(), strict=True) if not valid]
        assert all(valid or seen <= 2 for seen, valid in zip(bright, moved.valid.tolist(), strict=True))
        assert moved.boxes.min() >= 0 and moved.boxes.max() <= 1
    assert len(lost) > 20


def test_a_smaller_picture_lies_on_the_fill() -> None:
    image = Zoom((0.5, 0.5), fill=0.25)(torch.ones(1, 3, 16, 16), no_boxes(1), seeded())[0][0, 0]
    assert (image == 1).sum() == 64 and (image == 0.25).sum() == 256 - 64


def test_factor_one_changes_nothing() -> None:
    images = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(Zoom((1.0, 1.0))(images, no_boxes(2), seeded())[0], images)
