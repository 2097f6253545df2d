"""A data set in a notebook."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from diode_pl.data.readers import BadImage, Example
from diode_pl.data.readers.notebook import show_set
from diode_pl.shapes import ShapesWorld


def picture(page: str) -> Image.Image:
    found = re.search(r"base64,([^\"]+)", page)
    assert found is not None
    return Image.open(io.BytesIO(base64.b64decode(found[1])))


def test_the_first_images_are_shown_with_their_boxes() -> None:
    world, bare = ShapesWorld("val", 20, 64), ShapesWorld("val", 20, 64, labeled=False)
    page = world._repr_html_()
    for part in ("<b>ShapesWorld</b>", "<td>20</td>", "mug, key", "64 px", str(world.provenance)):
        assert part in page
    width, height = picture(page).size
    assert width > 4 * 190 and width / height == pytest.approx(2, abs=0.05)
    assert np.abs(np.asarray(picture(page), float) - np.asarray(picture(show_set(bare)), float)).max() > 100, "boxes"
    assert "none: no labels" in show_set(bare)


def test_a_bad_image_and_an_empty_set_are_no_errors() -> None:
    class Broken(ShapesWorld):
        def __getitem__(self, i: int) -> Example:
            if i < 7:
                raise BadImage(f"{i}", "cut")
            return super().__getitem__(i)

    black = np.asarray(picture(show_set(Broken("val", 8, 64)))).min(axis=2)
    assert black[:, 200:].std() < 3, "one image, and room for three"
    assert "<img" not in show_set(ShapesWorld("val", 0, 64))
