import numpy as np
import pytest
import torch
from torch import Tensor

from diode_pl.report import prediction_sheet

NAMES = ("cat", "dog")
CELL, GAP, WIDE, HEADING = 224, 4, 20, 24
Found = tuple[Tensor, Tensor, Tensor | None]
BOX = torch.tensor([[0.25, 0.5, 0.75, 1.0]])
NONE: Found = (torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), None)


def one(label: int, score: float | None = None) -> Found:
    return BOX, torch.tensor([label]), None if score is None else torch.tensor([score])


def sheet(images: Tensor, **columns: list[Found]) -> np.ndarray:
    return np.array(prediction_sheet(images, columns, NAMES))


def cells(pixels: np.ndarray, columns: int, across: int, height: int = CELL) -> list[list[np.ndarray]]:
    """Of each image its cells."""
    group = columns * (CELL + GAP) - GAP + WIDE
    rows = (pixels.shape[0] - HEADING) // (height + GAP)
    assert pixels.shape == (HEADING + rows * (height + GAP), 2 * GAP + across * group - WIDE, 3)
    corners = [
        [(HEADING + r * (height + GAP), GAP + a * group + c * (CELL + GAP)) for c in range(columns)]
        for r in range(rows)
        for a in range(across)
    ]
    return [[pixels[y : y + height, x : x + CELL] for y, x in image] for image in corners]


def test_an_image_stands_once_in_each_column_and_two_side_by_side() -> None:
    images = torch.arange(5)[:, None, None, None].expand(5, 3, 8, 8) / 10
    found = cells(sheet(images, truth=[NONE] * 5, teacher=[NONE] * 5, student=[NONE] * 5), columns=3, across=2)
    for i in range(5):
        assert all((cell == round(i * 25.5)).all() for cell in found[i])
    assert all((cell == 255).all() for cell in found[5])


def test_each_column_shows_its_own_boxes() -> None:
    found = cells(sheet(torch.zeros(2, 3, 8, 8), a=[one(0), NONE], b=[NONE, one(1)]), columns=2, across=2)
    assert found[0][0].any() and found[1][1].any() and not found[0][1].any() and not found[1][0].any()
    colors = [found[0][0][-1, 112], found[1][1][-1, 112]]
    assert colors[0].max() > 200 and (colors[0] != colors[1]).any()
    for cell in (found[0][0], found[1][1]):
        ys, xs = np.nonzero(cell[112:].any(axis=2))  # the caption stands above
        assert (ys.min(), ys.max(), xs.min(), xs.max()) == (0, 111, 56, 167)


def test_scores_stand_beside_the_names() -> None:
    bare, low, high = (sheet(torch.zeros(1, 3, 8, 8), a=[one(0, score)]) for score in (None, 0.1234, 0.987))
    assert (low != high).any() and (low != bare).any()
    assert (low == sheet(torch.zeros(1, 3, 8, 8), a=[one(0, 0.1199)])).all()  # two places


def test_where_a_detector_finds_nothing_likely_it_is_said() -> None:
    images, nothing = torch.full((1, 3, 8, 8), 0.5), (*NONE[:2], torch.zeros(0))
    low, high = (np.array(prediction_sheet(images, {"a": [nothing]}, NAMES, above)) for above in (0.3, 0.5))
    (cell,) = cells(low, columns=1, across=1)[0]
    assert cell[:20].min() < 50 and cell[:20].max() > 200 and (cell[20:] == 128).all()
    assert (low != high).any()
    # The truth has no scores, and what was found needs no words.
    assert (cells(sheet(images, a=[NONE]), columns=1, across=1)[0][0] == 128).all()
    assert (
        sheet(images, a=[one(0, 0.9)]) == np.array(prediction_sheet(images, {"a": [one(0, 0.9)]}, NAMES, 0.3))
    ).all()


def test_headings_stand_over_every_group() -> None:
    pixels = sheet(torch.zeros(2, 3, 8, 8), truth=[NONE] * 2, student=[NONE] * 2)
    lefts = [GAP, 2 * GAP + CELL, 2 * CELL + 2 * GAP + WIDE, 3 * CELL + 3 * GAP + WIDE]
    headings = [pixels[:HEADING, left : left + 100] for left in lefts]
    assert (headings[0] == headings[2]).all() and (headings[1] == headings[3]).all()
    assert (headings[0] != headings[1]).any() and all(heading.min() < 100 for heading in headings)


def test_images_keep_their_shape() -> None:
    cells(sheet(torch.zeros(1, 3, 8, 16), a=[NONE]), columns=1, across=1, height=112)


@pytest.mark.parametrize(("columns", "across"), [(1, 6), (2, 3), (3, 2), (4, 1), (7, 1)])
def test_the_page_is_no_strip(columns: int, across: int) -> None:
    cells(sheet(torch.zeros(8, 3, 8, 8), **{str(i): [NONE] * 8 for i in range(columns)}), columns, across)


def test_wrong_lengths() -> None:
    with pytest.raises(ValueError, match="column 'student' has boxes for 1 images, expected 2"):
        sheet(torch.zeros(2, 3, 8, 8), truth=[NONE] * 2, student=[NONE])
    with pytest.raises(ValueError, match="got 0 images"):
        sheet(torch.zeros(0, 3, 8, 8), truth=[])
    with pytest.raises(ValueError, match="got 1 images and the columns"):
        sheet(torch.zeros(1, 3, 8, 8))
