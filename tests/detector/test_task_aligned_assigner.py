"""Cells that predict targets best."""

import pytest
import torch

from diode_pl.detector.task_aligned_assigner import assign_task_aligned

POINTS = torch.tensor([[x + 0.5, y + 0.5] for y in range(4) for x in range(4)]) * 8  # 32 px
LABELS, MASK = torch.tensor([[[1.0], [0.0]]]), torch.ones(1, 2, 1)
TRUTH = torch.tensor([[[0.0, 0, 16, 16], [8.0, 0, 32, 32]]])


def assign(scores: torch.Tensor, boxes: torch.Tensor, mask: torch.Tensor = MASK):
    return assign_task_aligned(scores, boxes, POINTS, LABELS, TRUTH, mask)


def test_a_target_gets_the_cells_in_its_box_with_the_overlap_as_score() -> None:
    boxes = TRUTH[:, :1].expand(1, 16, 4).clone()
    boxes[0, 1] = torch.tensor([0.0, 0, 16, 8])
    found = assign(torch.full((1, 16, 3), 0.5), boxes, torch.tensor([[[1.0], [0.0]]]))
    assert found.positive[0].nonzero().flatten().tolist() == [0, 1, 4, 5]
    assert found.scores[0, 0].tolist() == [0, 1, 0] and found.scores[0, 1].tolist() == [0, 0.5, 0]
    assert bool((found.target[0][[0, 1, 4, 5]] == 0).all()) and torch.equal(found.boxes[0, 5], TRUTH[0, 0])


def test_a_cell_of_two_targets_goes_to_that_of_the_larger_overlap() -> None:
    boxes = TRUTH[:, 1:].expand(1, 16, 4).clone()
    boxes[0, 1] = TRUTH[0, 0]
    found = assign(torch.full((1, 16, 3), 0.5), boxes)
    assert found.target[0, 1] == 0 and found.target[0, 5] == 1 and found.labels[0, 5] == 0
    assert found.scores[0, 5].tolist() == [1, 0, 0]


def test_no_more_than_thirteen_cells_and_those_of_the_largest_product() -> None:
    side = 8
    points = torch.tensor([[x + 0.5, y + 0.5] for y in range(side) for x in range(side)])
    truth = torch.tensor([[[0.0, 0, side, side]]])
    scores = torch.linspace(0.1, 0.9, side * side).view(1, -1, 1)
    found = assign_task_aligned(
        scores, truth.expand(1, side * side, 4), points, torch.zeros(1, 1, 1), truth, torch.ones(1, 1, 1)
    )
    assert found.positive[0].nonzero().flatten().tolist() == list(range(side * side - 13, side * side))


def test_what_nothing_predicts_has_no_cell() -> None:
    away = torch.tensor([20.0, 0, 21, 1]).expand(1, 16, 4)
    found = assign(torch.full((1, 16, 3), 0.5), away, torch.tensor([[[1.0], [0.0]]]))
    assert not found.positive.any() and float(found.scores.sum()) == 0


@pytest.mark.parametrize("count", [1, 2])
def test_no_targets_at_all(count: int) -> None:
    none = torch.zeros(count, 0, 4)
    scores, boxes = torch.rand(count, 16, 3), torch.rand(count, 16, 4)
    found = assign_task_aligned(scores, boxes, POINTS, none[..., :1], none, none[..., :1])
    assert not found.positive.any() and found.scores.shape == (count, 16, 3) and found.target.dtype == torch.long
