"""What every differentiable augmentation owes."""

import pytest
import torch

from diode_pl.augmentations import Brightness, Contrast, Cutout, Flip, HueSaturationValue, Jitter
from tests.augmentations.painting import EVERY, ONE_DRAW, seeded
from tests.tiny import no_boxes, one_box_each

every = pytest.mark.parametrize("name", EVERY)


@every
def test_gradient_reaches_pixels(name: str) -> None:
    images = torch.randn(2, 3, 6, 5, dtype=torch.float64, requires_grad=True)
    augmentation, targets = EVERY[name](), one_box_each(2)
    assert torch.autograd.gradcheck(lambda x: augmentation(x, targets, seeded(1))[0], images)
    augmentation(images, targets, seeded(1))[0].sum().backward()
    assert (images.grad != 0).float().mean() > 0.3


@every
def test_values_are_not_clamped(name: str) -> None:
    targets = one_box_each(2)
    high, _ = EVERY[name]()(torch.full((2, 3, 16, 16), 3.0), targets, seeded())
    low, _ = EVERY[name]()(torch.full((2, 3, 16, 16), -3.0), targets, seeded())
    assert high.max() > 1.5 and low.min() < -1.5


@every
def test_shapes_and_input_stay(name: str) -> None:
    images, targets = torch.rand(4, 3, 12, 20), one_box_each(4)
    before = images.clone()
    augmented, moved = EVERY[name]()(images, targets, seeded())
    assert augmented.shape == images.shape and augmented.dtype == images.dtype
    assert torch.equal(images, before) and torch.equal(targets.boxes, one_box_each(4).boxes)
    assert moved.boxes.shape == targets.boxes.shape and moved.batch_size == 4
    assert torch.equal(moved.labels, targets.labels) and torch.equal(moved.image_index, targets.image_index)


@every
def test_same_seed_same_result(name: str) -> None:
    images, targets = torch.rand(4, 3, 16, 16), one_box_each(4)
    (first, boxes), (again, boxes_again) = (EVERY[name]()(images, targets, seeded(7)) for _ in range(2))
    assert torch.equal(first, again) and torch.equal(boxes.boxes, boxes_again.boxes)


@pytest.mark.parametrize("name", sorted(set(EVERY) - {"flip, one draw"}))
def test_other_seed_other_result(name: str) -> None:
    images, targets = torch.rand(4, 3, 16, 16), one_box_each(4)
    results = [EVERY[name]()(images, targets, seeded(seed))[0] for seed in range(4)]
    assert not all(torch.equal(results[0], other) for other in results[1:])


@pytest.mark.parametrize("name", ONE_DRAW)
def test_a_batch_of_two_is_two_batches_of_one(name: str) -> None:
    images, targets = torch.rand(2, 3, 16, 16), one_box_each(2)
    both, moved = EVERY[name]()(images, targets, seeded(3))
    for i, (boxes, labels) in enumerate(targets.per_image()):
        alone = type(targets)(boxes, labels, torch.zeros(1, dtype=torch.long), 1)
        single, own = EVERY[name]()(images[i : i + 1], alone, seeded(3))
        torch.testing.assert_close(both[i], single[0])
        torch.testing.assert_close(moved.boxes[i : i + 1], own.boxes)


@pytest.mark.parametrize("name", sorted(set(EVERY) - set(ONE_DRAW)))
def test_draws_of_the_images_of_a_batch_differ(name: str) -> None:
    images = torch.rand(1, 3, 16, 16).expand(8, 3, 16, 16)
    augmented, _ = EVERY[name]()(images, one_box_each(8), seeded())
    assert any(not torch.equal(augmented[0], other) for other in augmented[1:])


@every
def test_images_without_boxes_are_fine(name: str) -> None:
    augmented, moved = EVERY[name]()(torch.rand(2, 3, 8, 8), no_boxes(2), seeded())
    assert augmented.isfinite().all() and len(moved) == 0 and moved.batch_size == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: Brightness(-0.1),
        lambda: Contrast(-0.1),
        lambda: Cutout(1.5),
        lambda: Cutout(area=(0.2, 0.1)),
        lambda: Cutout(area=(0.0, 0.1)),
        lambda: Cutout(aspect=(2.0, 1.0)),
        lambda: Cutout(area=(0.1, 0.5), aspect=(0.3, 1.0)),
        lambda: Flip(-0.1),
        lambda: Flip(1.1),
        lambda: HueSaturationValue(hue=0.6),
        lambda: HueSaturationValue(saturation=1.1),
        lambda: HueSaturationValue(value=-0.1),
        lambda: Jitter(1.0),
        lambda: Jitter(-0.1),
    ],
)
def test_bad_arguments_raise(make) -> None:
    with pytest.raises(ValueError, match=r"^\w+(,? \w+)*( must be |: ).* got |^area and aspect: "):
        make()
