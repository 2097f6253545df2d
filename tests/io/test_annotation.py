"""Records of images, and boxes clipped to them."""

import pytest
import torch

from diode_pl.io.annotation import clip_box, has_area, is_single


def test_a_box_is_clipped_to_the_image():
    assert clip_box(-0.5, 0.25, 0.5, 1.5) == (0.0, 0.25, 0.5, 1.0)
    assert clip_box(0.0, 0.0, 1.0, 1.0) == (0.0, 0.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("corners", "message"),
    [
        ((0.5, 0.1, 0.4, 0.9), "inverted"),
        ((0.1, 0.5, 0.4, 0.5), "no area"),
        ((1.0, 0.1, 1.4, 0.9), "outside"),
        ((0.1, -0.4, 0.4, 0.0), "outside"),
        ((0.1, 0.1, float("nan"), 0.9), "finite"),
        ((0.1, 0.1, float("inf"), 0.9), "finite"),
    ],
)
def test_a_box_without_a_part_of_the_image_is_refused(corners, message):
    with pytest.raises(ValueError, match=message):
        clip_box(*corners)


@pytest.mark.parametrize(
    ("box", "known"),
    [
        ((0.5, 0.0, 0.5 + 2**-25, 1.0), False),  # half of the distance between two numbers there
        ((0.5, 0.0, 0.5 + 2**-24, 1.0), True),
        ((0.0, 0.0, 1e-19, 1e-18), True),
        ((0.0, 0.0, 1e-25, 1e-25), False),  # both sides are numbers, their product is none
        ((0.0, 0.0, 1e-46, 1.0), False),
    ],
)
def test_an_area_counts_in_single_precision(box, known):
    assert has_area(*box) is known
    x1, y1, x2, y2 = torch.tensor(box)
    assert ((x2 - x1) * (y2 - y1) > 0).item() is known
    if not known:
        with pytest.raises(ValueError, match="no area in single precision"):
            clip_box(*box)


def test_what_is_left_of_a_box_inside_the_image_needs_an_area():
    with pytest.raises(ValueError, match="no area in single precision"):
        clip_box(-0.5, 0.0, 1e-50, 1.0)


@pytest.mark.parametrize(("number", "known"), [(3.4e38, True), (-3.4e38, True), (1e39, False), (10**400, False)])
def test_a_number_beyond_single_precision_is_none(number, known):
    assert is_single(number) is known and not is_single(float("-inf")) and not is_single(float("nan"))
