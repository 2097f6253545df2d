import colorsys
import math

import pytest
import torch
from torch import Generator, Tensor

from diode_pl.augmentations import HueSaturationValue
from tests.augmentations.painting import seeded
from tests.tiny import no_boxes, one_box_each


def changed(augmentation: HueSaturationValue, images: Tensor, generator: Generator | None = None) -> Tensor:
    return augmentation(images, no_boxes(len(images)), generator or seeded())[0]


def yiq(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Luma, and length and angle of the color, of images of one color each; by the standard library."""
    values = torch.tensor([colorsys.rgb_to_yiq(*image[:, 0, 0].tolist()) for image in images])
    return values[:, 0], values[:, 1:].norm(dim=1), torch.atan2(values[:, 2], values[:, 1])


@pytest.fixture
def colors() -> Tensor:
    """Many images of the same soft color."""
    return torch.tensor([0.6, 0.4, 0.45])[None, :, None, None].expand(2000, 3, 1, 1)


def test_gray_stays_gray() -> None:
    grays = torch.linspace(0, 1, 7)[:, None, None, None].expand(7, 3, 2, 2)
    torch.testing.assert_close(changed(HueSaturationValue(0.5, 1.0, 0.0), grays), grays)
    darker = changed(HueSaturationValue(0.5, 1.0, 0.9), grays)
    torch.testing.assert_close(darker[:, 0], darker[:, 1])
    torch.testing.assert_close(darker[:, 0], darker[:, 2])
    assert not torch.allclose(darker, grays, atol=0.01)


def test_no_range_no_change() -> None:
    images = torch.rand(4, 3, 8, 8)
    torch.testing.assert_close(changed(HueSaturationValue(0.0, 0.0, 0.0), images), images)


def test_hue_turns_the_color_and_nothing_else(colors: Tensor) -> None:
    luma, length, angle = yiq(colors[:1])
    luma_after, length_after, angle_after = yiq(changed(HueSaturationValue(0.1, 0.0, 0.0), colors))
    # The library's axes differ from ours in the third digit.
    torch.testing.assert_close(luma_after, luma.expand(2000), atol=2e-3, rtol=0)
    torch.testing.assert_close(length_after, length.expand(2000), atol=0, rtol=0.03)
    turns = (angle_after - angle) / (2 * math.pi)
    assert turns.min().item() == pytest.approx(-0.1, abs=0.005) and turns.max().item() == pytest.approx(0.1, abs=0.005)
    assert turns.mean().item() == pytest.approx(0, abs=0.005)


def test_saturation_scales_the_color_and_nothing_else(colors: Tensor) -> None:
    luma, length, angle = yiq(colors[:1])
    luma_after, length_after, angle_after = yiq(changed(HueSaturationValue(0.0, 0.6, 0.0), colors))
    torch.testing.assert_close(luma_after, luma.expand(2000), atol=2e-3, rtol=0)
    torch.testing.assert_close(angle_after, angle.expand(2000), atol=0.03, rtol=0)
    factors = length_after / length
    assert factors.min().item() == pytest.approx(0.4, abs=0.02) and factors.max().item() == pytest.approx(1.6, abs=0.02)


def test_value_scales_all_channels_alike(colors: Tensor) -> None:
    factors = (changed(HueSaturationValue(0.0, 0.0, 0.3), colors) / colors).flatten(1)
    torch.testing.assert_close(factors, factors[:, :1].expand_as(factors))
    assert factors.min().item() == pytest.approx(0.7, abs=0.01) and factors.max().item() == pytest.approx(1.3, abs=0.01)


def test_a_batch_is_its_images_each_with_its_own_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    augmentation, images = HueSaturationValue(0.2, 0.5, 0.3), torch.rand(2, 3, 4, 5)
    both, draws = changed(augmentation, images), torch.rand(3, 2, generator=seeded())
    for i in range(2):
        monkeypatch.setattr(torch, "rand", lambda *_, generator, own=draws[:, i : i + 1]: own)
        torch.testing.assert_close(changed(augmentation, images[i : i + 1])[0], both[i])


def test_gradient_is_the_matrix_transposed() -> None:
    augmentation = HueSaturationValue(0.2, 0.5, 0.3)
    images = torch.rand(3, 3, 4, 4, requires_grad=True)
    weights = torch.rand(3, 3, 4, 4)
    (changed(augmentation, images) * weights).sum().backward()
    units = torch.eye(3)[:, None, :, None, None].expand(3, 3, 3, 4, 4)  # what becomes of red, green and blue
    expected = torch.stack([(changed(augmentation, unit) * weights).sum(dim=1) for unit in units], dim=1)
    torch.testing.assert_close(images.grad, expected)


def test_boxes_stay() -> None:
    targets = one_box_each(3)
    assert HueSaturationValue()(torch.rand(3, 3, 4, 4), targets, seeded())[1] is targets
