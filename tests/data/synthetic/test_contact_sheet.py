"""The contact sheet of a synthetic set."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from diode_pl.data.synthetic.contact_sheet import draw_contact_sheet, spread_evenly

CLASSES = ("cat", "dog")
CELL, GAP = 224, 4


def entries(folder: Path, count: int, boxes: list[list[float]] | None = None, labels: list[int] | None = None) -> Any:
    """Images of rising gray, 56 x 28 pixels."""
    made = []
    for i in range(count):
        Image.new("RGB", (56, 28), (i, i, i)).save(folder / f"{i}.png")
        made.append({"file_name": f"{i}.png", "width": 56, "height": 28, "labels": labels or [], "boxes": boxes or []})
    return made


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 1, 1), (3, 3, 1), (8, 8, 1), (9, 8, 2), (64, 8, 8)])
def test_size_fits_the_images(tmp_path: Path, count: int, columns: int, rows: int) -> None:
    sheet = draw_contact_sheet(tmp_path, entries(tmp_path, count), CLASSES)
    assert sheet.size == (columns * (CELL + GAP) + GAP, rows * (CELL + GAP) + GAP)


def test_images_are_spread_evenly_over_the_set(tmp_path: Path) -> None:
    shown = [entries(tmp_path, 100)[i] for i in spread_evenly(100, limit=4)]
    sheet = np.array(draw_contact_sheet(tmp_path, shown, CLASSES, columns=2))
    centers = [sheet[GAP + 112 + r * (CELL + GAP), GAP + 112 + c * (CELL + GAP), 0] for r in (0, 1) for c in (0, 1)]
    assert centers == [0, 25, 50, 75]


def test_a_box_is_drawn_where_it_is(tmp_path: Path) -> None:
    # 4 and 8 pixels of the sheet for one of the image.
    sheet = np.array(draw_contact_sheet(tmp_path, entries(tmp_path, 1, [[20, 10, 30, 12]], [1]), CLASSES))[GAP:, GAP:]
    left, top, right, bottom = 80, 80, 200, 176
    color = sheet[bottom - 1, (left + right) // 2]
    assert color.max() > 200
    for y, x in ((top, 190), (bottom - 1, left), (128, left), (128, right - 1), (bottom - 1, right - 1)):
        assert (sheet[y, x] == color).all()
    for y, x in ((128, 140), (128, left - 1), (128, right), (bottom, 140), (top + 4, 190)):
        assert sheet[y, x].max() == 0


def test_classes_have_unlike_colors_and_a_name(tmp_path: Path) -> None:
    def drawn(label: int) -> np.ndarray:
        return np.array(draw_contact_sheet(tmp_path, entries(tmp_path, 1, [[20, 10, 30, 12]], [label]), CLASSES))

    assert (drawn(0)[GAP + 175, GAP + 140] != drawn(1)[GAP + 175, GAP + 140]).any()
    name = drawn(0)[GAP + 60 : GAP + 80, GAP + 80 : GAP + 110]  # above the box: black letters on its color
    assert len(np.unique(name.reshape(-1, 3), axis=0)) > 2


@pytest.mark.parametrize("box", [[5, 5, 0.1, 0.05], [55.9, 27.9, 0.1, 0.1], [0, 0, 56, 28], [10, 10, 0, 0]], ids=str)
def test_boxes_of_any_size_can_be_drawn(tmp_path: Path, box: list[float]) -> None:
    plain = np.array(draw_contact_sheet(tmp_path, entries(tmp_path, 1), CLASSES))
    assert (np.array(draw_contact_sheet(tmp_path, entries(tmp_path, 1, [box], [0]), CLASSES)) != plain).any()
