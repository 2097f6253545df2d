import pytest
import torch

from diode_pl.augmentations import Flip
from tests.augmentations.painting import boxes_of_pixels, find, in_pixels, paint, seeded
from tests.tiny import no_boxes


@pytest.mark.parametrize("per_image", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_boxes_move_with_pixels(per_image: bool, seed: int) -> None:
    targets = boxes_of_pixels([(1, 2, 5, 7), (0, 0, 3, 9), (6, 1, 16, 4), (7, 3, 9, 5)], 10, 16)
    images, moved = Flip(per_image=per_image)(paint(targets, 10, 16), targets, seeded(seed))
    for image, box in zip(images, in_pixels(moved, 10, 16), strict=True):
        assert find(image) == pytest.approx(box.tolist(), abs=1e-4)


def test_half_of_the_images_are_mirrored() -> None:
    images = torch.tensor([0.0, 1.0]).expand(2000, 3, 1, 2)
    flipped = Flip(per_image=True)(images, no_boxes(2000), seeded())[0]
    assert flipped[:, 0, 0, 0].mean().item() == pytest.approx(0.5, abs=0.04)


def test_a_batch_is_mirrored_as_a_whole_half_of_the_time() -> None:
    images, generator = torch.tensor([0.0, 1.0]).expand(3, 3, 1, 2), seeded()
    first = torch.stack([Flip()(images, no_boxes(3), generator)[0][:, 0, 0, 0] for _ in range(400)])
    assert (first == first[:, :1]).all() and first.mean().item() == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize(("probability", "expected"), [(0.0, 0.0), (1.0, 1.0)])
def test_never_and_always(probability: float, expected: float) -> None:
    images = torch.tensor([0.0, 1.0]).expand(50, 3, 1, 2)
    flipped = Flip(probability, per_image=True)(images, no_boxes(50), seeded())[0]
    assert (flipped[:, 0, 0, 0] == expected).all()
