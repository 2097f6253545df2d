import numpy as np
import pytest
import torch
from torch import Tensor

from diode_pl.detector import Detections
from diode_pl.io.images import to_uint8
from diode_pl.report import draw_crops, draw_predictions
from diode_pl.report.sheets import WRONG
from diode_pl.targets import Targets

NAMES = ("cat", "dog")
CELL, GAP, WIDE, HEADING = 224, 4, 20, 24
BOX = torch.tensor([[0.25, 0.5, 0.75, 1.0]])
NONE = Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.long))


def one(label: int, score: float = 0.5) -> Detections:
    return Detections(BOX, torch.tensor([score]), torch.tensor([label]))


def sheet(images: Tensor, truth: list[Detections], above: float = 0.0, **detections: list[Detections]) -> np.ndarray:
    """The truth is given as detections, whose scores count for nothing."""
    targets = Targets.from_images([(each.boxes, each.labels) for each in truth])
    return np.array(draw_predictions(images, targets, detections, NAMES, above))


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
        assert all((cell[20:] == round(i * 25.5)).all() for cell in found[i])  # a note stands above
    assert all((cell == 255).all() for cell in found[5])


def test_each_column_shows_its_own_boxes() -> None:
    found = cells(sheet(torch.zeros(2, 3, 8, 8), truth=[one(0), NONE], b=[NONE, one(1)]), columns=2, across=2)
    assert found[0][0].any() and found[1][1].any() and not found[0][1][20:].any() and not found[1][0].any()
    colors = [found[0][0][-1, 112], found[1][1][-1, 112]]
    assert colors[0].max() > 200 and (colors[0] != colors[1]).any()
    for cell in (found[0][0], found[1][1]):
        ys, xs = np.nonzero(cell[112:].any(axis=2))  # the caption stands above
        assert (ys.min(), ys.max(), xs.min(), xs.max()) == (0, 111, 56, 167)


def test_scores_stand_beside_the_names() -> None:
    low, high = (sheet(torch.zeros(1, 3, 8, 8), [one(0)], a=[one(0, score)]) for score in (0.1234, 0.987))
    truth, detection = cells(low, columns=2, across=1)[0]
    assert (low != high).any() and (truth != detection).any()
    assert (low == sheet(torch.zeros(1, 3, 8, 8), [one(0)], a=[one(0, 0.1199)])).all()  # two places


def test_where_a_detector_finds_nothing_likely_it_is_said() -> None:
    images = torch.full((1, 3, 8, 8), 0.5)
    low, high = (sheet(images, [NONE], above, a=[NONE]) for above in (0.3, 0.5))
    truth, cell = cells(low, columns=2, across=1)[0]
    assert cell[:20].min() < 50 and cell[:20].max() > 200 and (cell[20:] == 128).all()
    assert (low != high).any()
    # The truth needs no words, nor does what was found.
    assert (truth == 128).all()
    found = [sheet(images, [NONE], above, a=[one(0, 0.9)]) for above in (0.0, 0.3)]
    assert (found[0] == found[1]).all()


def test_headings_stand_over_every_group() -> None:
    pixels = sheet(torch.zeros(2, 3, 8, 8), truth=[NONE] * 2, student=[NONE] * 2)
    lefts = [GAP, 2 * GAP + CELL, 2 * CELL + 2 * GAP + WIDE, 3 * CELL + 3 * GAP + WIDE]
    headings = [pixels[:HEADING, left : left + 100] for left in lefts]
    assert (headings[0] == headings[2]).all() and (headings[1] == headings[3]).all()
    assert (headings[0] != headings[1]).any() and all(heading.min() < 100 for heading in headings)


def test_images_keep_their_shape() -> None:
    cells(sheet(torch.zeros(1, 3, 8, 16), [NONE]), columns=1, across=1, height=112)


@pytest.mark.parametrize(("columns", "across"), [(1, 6), (2, 3), (3, 2), (4, 1), (7, 1)])
def test_the_page_is_no_strip(columns: int, across: int) -> None:
    cells(
        sheet(torch.zeros(8, 3, 8, 8), [NONE] * 8, **{str(i): [NONE] * 8 for i in range(columns - 1)}), columns, across
    )


def test_wrong_lengths() -> None:
    with pytest.raises(ValueError, match="column 'student' has boxes for 1 images, expected 2"):
        sheet(torch.zeros(2, 3, 8, 8), truth=[NONE] * 2, student=[NONE])
    with pytest.raises(ValueError, match="column 'truth' has boxes for 1 images, expected 2"):
        sheet(torch.zeros(2, 3, 8, 8), truth=[NONE])
    with pytest.raises(ValueError, match="got 0 images"):
        sheet(torch.zeros(0, 3, 8, 8), truth=[])


CROP_NAMES = ("mug", "key", "star")


def crop_pixels(count: int, found: list[int]) -> torch.Tensor:
    crops = torch.full((count, 3, 16, 16), 0.5)
    picture = draw_crops(crops, torch.zeros(count, dtype=torch.long), torch.tensor(found, dtype=torch.long), CROP_NAMES)
    return torch.from_numpy(np.array(picture))


def wrong(picture: torch.Tensor) -> int:
    color = torch.tensor([int(WRONG[i : i + 2], 16) for i in (1, 3, 5)])
    return int((picture == color).all(dim=2).sum())


def test_wrong_ones_are_marked_and_no_others() -> None:
    assert wrong(crop_pixels(3, [0, 0, 0])) == 0
    assert 0 < wrong(crop_pixels(3, [0, 1, 0])) < wrong(crop_pixels(3, [0, 1, 2]))


def test_every_crop_is_shown_in_rows_of_eight() -> None:
    one, eight, nine = (crop_pixels(count, [0] * count) for count in (1, 8, 9))
    assert eight.shape[0] == one.shape[0] and nine.shape[1] == eight.shape[1] > 7 * one.shape[1]
    assert nine.shape[0] > eight.shape[0]
    gray = to_uint8(torch.full((3, 1, 1), 0.5)).flatten()
    assert [int((each == gray).all(dim=2).sum()) for each in (eight, nine)] == [8 * 112**2, 9 * 112**2]


def test_without_crops_there_is_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match="expected crops"):
        crop_pixels(0, [])
