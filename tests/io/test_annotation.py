"""Records of images, and boxes clipped to them."""

import pytest

from diode_pl.io.annotation import clip_box


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
