"""Regions that scores leave out."""

import torch

from diode_pl.io.ignored import Ignored

TWO = Ignored.from_objects([(2, (0.0, 0.0, 0.5, 1.0), True), (0, (0.5, 0.0, 1.0, 1.0), False)])


def test_plain_numbers_become_columns() -> None:
    assert TWO.labels.tolist() == [2, 0] and TWO.crowd.tolist() == [True, False] and len(TWO) == 2
    assert TWO.boxes.tolist() == [[0, 0, 0.5, 1], [0.5, 0, 1, 1]]
    empty = Ignored.from_objects([])
    assert empty.boxes.shape == (0, 4) and empty.labels.dtype == torch.long and empty.crowd.dtype == torch.bool


def test_joined_and_selected() -> None:
    joined = Ignored.cat([TWO, Ignored.from_objects([]), TWO])
    assert joined.labels.tolist() == [2, 0, 2, 0] and len(Ignored.cat([])) == 0
    assert joined.select(slice(1, 3)).labels.tolist() == [0, 2]
    copied = TWO.select(slice(None))
    copied.boxes.zero_()
    assert TWO.boxes.any()


def test_classes_that_nobody_knows_are_left_out() -> None:
    moved = TWO.relabel(torch.tensor([-1, 0, 7]))
    assert moved.labels.tolist() == [7] and moved.crowd.tolist() == [True] and moved.boxes.tolist() == [[0, 0, 0.5, 1]]
