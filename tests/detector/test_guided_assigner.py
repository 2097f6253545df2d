"""Cells of targets that a detector sees, and of those that it does not."""

from typing import Any

import pytest
import torch
from torch import Tensor

from diode_pl.detector import Outputs
from diode_pl.detector.grid import Grid, make_grid
from diode_pl.detector.guided_assigner import GuidedAssigner, center_distances

CLASSES = 2
# 64 px: a small target of class 1 in the first image, in the second image a large one of class 0.
TRUTH = torch.tensor([[[8.0, 20, 24, 36]], [[2.0, 3, 62, 61]]])
LABELS, PRESENT = torch.tensor([[[1.0]], [[0.0]]]), torch.ones(2, 1, 1)


def grid() -> Grid:
    features = tuple(torch.zeros(2, 1, side, side) for side in (8, 4, 2))
    heads = tuple(torch.zeros(2, feature[0].numel(), 4 + CLASSES) for feature in features)
    return make_grid(Outputs(heads, features, (8, 16, 32), (64, 64)))


def first_cell(scores: Tensor, boxes: Tensor, points: Tensor, labels: Tensor, truth: Tensor, mask: Tensor) -> Any:
    """Stands for the package's assigner: gives each target cell 0, with a score of 0.7."""
    count, cells, classes = scores.shape
    label = labels[:, 0].long().expand(-1, cells)
    positive = torch.zeros(count, cells)
    positive[:, 0] = 1
    given = torch.nn.functional.one_hot(label, classes) * 0.7 * positive[..., None]
    return label, truth[:, 0, None].expand(-1, cells, -1), given, positive, torch.zeros(count, cells)


def assign(kind: str, score: float, present: Tensor = PRESENT) -> Any:
    """Cell 0 predicts the box of each target, with this probability of each class."""
    cells = grid()
    scores = torch.full((2, len(cells.centers), CLASSES), score)
    boxes = TRUTH.expand(-1, len(cells.centers), -1)
    assigner = GuidedAssigner(first_cell, cells, kind)
    found = assigner(scores, boxes, cells.centers, LABELS, TRUTH, present)
    assert assigner.found is found
    return found


@pytest.mark.parametrize(("kind", "score"), [("task_aligned", 0.0), ("task_aligned", 0.9), ("guided", 1.0)])
def test_a_target_that_is_seen_has_the_cells_of_the_package(kind: str, score: float) -> None:
    found = assign(kind, score)
    assert found.positive.nonzero().tolist() == [[0, 0], [1, 0]]
    assert found.scores.sum() == pytest.approx(1.4) and found.scores[0, 0, 1] == pytest.approx(0.7)


def test_a_target_that_is_half_seen_has_cells_of_both() -> None:
    alone, found = assign("center", 0.6), assign("guided", 0.6)
    expected = alone.positive.clone()
    expected[:, 0] = True
    assert torch.equal(found.positive, expected)
    torch.testing.assert_close(found.scores[:, 1:], 0.4 * alone.scores[:, 1:])
    assert found.scores[0, 0].tolist() == pytest.approx([0, 0.42])


@pytest.mark.parametrize(("kind", "score"), [("center", 0.9), ("guided", 0.0)])
def test_other_targets_have_cells_around_their_center_on_the_map_of_their_size(kind: str, score: float) -> None:
    found = assign(kind, score)
    # 16 px wide around (16, 28): the finest map, within 12 px; cells are 4, 12, 20, 28, ... px from the border.
    small = [8 * row + column for row in (2, 3, 4) for column in (1, 2)]
    assert found.positive[0].nonzero().flatten().tolist() == sorted(small)
    # 59 px wide, nearest to 80 px in ratio: the second map, within 24 px.
    large = [64 + 4 * row + column for row in (1, 2) for column in (1, 2)]
    assert found.positive[1].nonzero().flatten().tolist() == large
    assert found.scores[0, small[0]].tolist() == [0, 1] and found.scores[1, 64 + 5].tolist() == [1, 0]
    assert float(found.scores.sum()) == len(small) + 4
    assert torch.equal(found.boxes[1, 64 + 5], TRUTH[1, 0]) and bool((found.labels[0][small] == 1).all())


def test_what_is_no_target_gets_no_cell() -> None:
    found = assign("center", 0.0, torch.tensor([[[1.0]], [[0.0]]]))
    assert found.positive[0].any() and not found.positive[1].any() and float(found.scores[1].sum()) == 0


def test_a_target_between_centers_gets_the_nearest_cell() -> None:
    cells = grid()
    tiny = torch.tensor([[[7.0, 7, 9, 9], [63, 63, 64, 64]]])
    distance = center_distances(cells, tiny, torch.ones(1, 2, dtype=torch.bool))
    reached = [(row < torch.inf).nonzero().flatten().tolist() for row in distance[0]]
    assert {0, 1, 8, 9} <= set(reached[0]) and 63 in reached[1]
    assert all(bool((cells.strides[each] == 8).all()) for each in reached)
    assert distance[0, 0, 0] == pytest.approx(0.5)


def test_a_cell_between_two_targets_goes_to_the_nearer_one() -> None:
    cells = grid()
    truth = torch.tensor([[[8.0, 8, 40, 40], [16.0, 8, 48, 40]]])
    labels, present = torch.tensor([[[0.0], [1.0]]]), torch.ones(1, 2, 1)
    scores, boxes = torch.zeros(1, len(cells.centers), CLASSES), truth[:, :1].expand(-1, len(cells.centers), -1)
    found = GuidedAssigner(first_cell, cells, "center")(scores, boxes, cells.centers, labels, truth, present)
    middle = cells.centers[found.positive[0]]
    for (x, _), target in zip(middle.tolist(), found.target[0][found.positive[0]].tolist(), strict=True):
        assert target == (abs(x - 32) < abs(x - 24)) or abs(x - 28) < 1e-6


def test_no_targets_at_all() -> None:
    cells = grid()

    def nothing(scores: Tensor, *_: Tensor) -> Any:  # as the package's: numbers of one type
        empty = scores.new_zeros(scores.shape[:2])
        return empty, scores.new_zeros(*empty.shape, 4), torch.zeros_like(scores), empty, empty

    none = torch.zeros(2, 0, 4)
    scores = torch.zeros(2, len(cells.centers), CLASSES)
    boxes = torch.zeros(2, len(cells.centers), 4)
    found = GuidedAssigner(nothing, cells)(scores, boxes, cells.centers, none[..., :1], none, none[..., :1])
    assert not found.positive.any() and found.target.dtype == torch.long
