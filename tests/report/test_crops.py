"""Crops and what they were taken for, as a picture."""

import numpy as np
import pytest
import torch

from diode_pl.io.images import to_uint8
from diode_pl.report import crop_sheet
from diode_pl.report.crops import _WRONG

NAMES = ("mug", "key", "star")


def pixels(count: int, found: list[int]) -> torch.Tensor:
    crops = torch.full((count, 3, 16, 16), 0.5)
    picture = crop_sheet(crops, torch.zeros(count, dtype=torch.long), torch.tensor(found, dtype=torch.long), NAMES)
    return torch.from_numpy(np.array(picture))


def wrong(picture: torch.Tensor) -> int:
    color = torch.tensor([int(_WRONG[i : i + 2], 16) for i in (1, 3, 5)])
    return int((picture == color).all(dim=2).sum())


def test_wrong_ones_are_marked_and_no_others() -> None:
    assert wrong(pixels(3, [0, 0, 0])) == 0
    assert 0 < wrong(pixels(3, [0, 1, 0])) < wrong(pixels(3, [0, 1, 2]))


def test_every_crop_is_shown_in_rows_of_eight() -> None:
    one, eight, nine = (pixels(count, [0] * count) for count in (1, 8, 9))
    assert eight.shape[0] == one.shape[0] and nine.shape[1] == eight.shape[1] > 7 * one.shape[1]
    assert nine.shape[0] > eight.shape[0]
    gray = to_uint8(torch.full((3, 1, 1), 0.5)).flatten()
    assert [int((each == gray).all(dim=2).sum()) for each in (eight, nine)] == [8 * 112**2, 9 * 112**2]


def test_without_crops_there_is_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match="expected crops"):
        pixels(0, [])
