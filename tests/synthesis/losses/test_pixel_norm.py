import pytest
import torch

from diode_pl.synthesis.losses import PixelNorm
from diode_pl.synthesis.losses.pixel_norm import pixel_norm
from tests.tiny import tiny_step


def test_value_is_the_sum_of_squares() -> None:
    images = torch.randn(2, 3, 4, 5)
    assert pixel_norm(images).item() == pytest.approx(sum(v * v for v in images.flatten().tolist()), rel=1e-5)


def test_black_images_have_none() -> None:
    assert pixel_norm(torch.zeros(2, 3, 4, 4)) == 0


def test_gradient_is_right() -> None:
    images = torch.randn(1, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(pixel_norm, images)


def test_the_term_is_of_the_images_before_augmentation() -> None:
    pixels, images = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    term = PixelNorm()(tiny_step(images, pixels=pixels))
    assert term == pixel_norm(pixels) != pixel_norm(images)
