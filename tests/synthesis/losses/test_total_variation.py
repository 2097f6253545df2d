import itertools

import pytest
import torch

from diode_pl.synthesis.losses import TotalVariation
from diode_pl.synthesis.losses.total_variation import total_variation
from tests.tiny import tiny_step


def slow_total_variation(images: torch.Tensor) -> float:
    """One pair of pixels at a time."""
    n, c, h, w = images.shape
    total = 0.0
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        differences = [
            abs(float(images[i, j, y, x] - images[i, j, y + dy, x + dx]))
            for i, j, y, x in itertools.product(range(n), range(c), range(h), range(w))
            if y + dy < h and 0 <= x + dx < w
        ]
        total += sum(differences) / len(differences)
    return total


def test_value_is_that_of_pairs_of_pixels() -> None:
    images = torch.randn(2, 3, 4, 5)
    assert total_variation(images).item() == pytest.approx(slow_total_variation(images), rel=1e-5)


def test_even_images_have_none() -> None:
    assert total_variation(torch.full((2, 3, 4, 4), 0.7)) == 0


def test_gradient_is_right() -> None:
    images = torch.randn(1, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(total_variation, images)


@pytest.mark.parametrize("shape", [(1, 3, 1, 8), (1, 3, 8, 1)])
def test_a_single_row_or_column_raises(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="2 x 2"):
        total_variation(torch.zeros(shape))


def test_the_term_is_of_the_images_that_the_detector_saw() -> None:
    pixels, images = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    term = TotalVariation()(tiny_step(images, pixels=pixels))
    assert term == total_variation(images) != total_variation(pixels)
