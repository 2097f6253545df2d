"""Generalized Focal Loss, against numbers computed by hand."""

import math

import pytest
import torch

from diode_pl.detector.grid import Grid
from diode_pl.detector.onnx.criterion import distribution_focal_loss, quality_focal_loss, run_criterion
from diode_pl.targets import Targets

GRID = Grid(torch.tensor([[x + 0.5, y + 0.5] for y in range(4) for x in range(4)]) * 8, torch.full((16, 1), 8.0))
SCALE, BINS, CLASSES = torch.full((4,), 32.0), 4, 2
TARGETS = Targets(torch.tensor([[0.25, 0.25, 0.75, 0.75]]), torch.tensor([1]), torch.tensor([0]), 1)


def codes_of(*distances: float) -> torch.Tensor:
    """Nearly certain distributions with these distances, the same for all cells, in cells."""
    pair = torch.full((4, BINS), 1e-9)
    for row, distance in zip(pair, distances, strict=True):
        left = min(int(distance), BINS - 2)
        row[left], row[left + 1] = left + 1 - distance + 1e-9, distance - left + 1e-9
    return pair.log().flatten().expand(1, 16, -1).clone()


def test_quality_focal_loss_at_hand_computed_values() -> None:
    found = quality_focal_loss(torch.tensor([0.0, 0.0, math.log(3)]), torch.tensor([1.0, 0.5, 0.0]))
    expected = [math.log(2) * 0.25, 0, math.log(4) * 0.75**2]
    assert found.tolist() == pytest.approx(expected, abs=1e-6)


def test_quality_focal_loss_is_zero_at_its_optimum_alone_and_has_the_right_slope() -> None:
    quality = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    logits = torch.logit(quality)
    assert quality_focal_loss(logits, quality).abs().max() < 1e-12 < quality_focal_loss(logits + 0.1, quality).min()
    start = (logits + 0.3).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: quality_focal_loss(x, quality), start)


def test_distribution_focal_loss_at_hand_computed_values() -> None:
    even = torch.zeros(1, 4 * BINS)
    assert distribution_focal_loss(even, torch.tensor([[0.0, 1.25, 2.5, 3.0]])).tolist() == pytest.approx(
        [4 * math.log(4)]
    )
    known = torch.tensor([0.1, 0.2, 0.3, 0.4]).log().repeat(4)[None]
    found = distribution_focal_loss(known, torch.tensor([[0.0, 1.25, 2.5, 9.0]]))
    sides = [0.1, 0.2**0.75 * 0.3**0.25, (0.3 * 0.4) ** 0.5, 0.4]  # the last is out of range
    assert found.tolist() == pytest.approx([-sum(map(math.log, sides))], rel=1e-5)


def test_distribution_focal_loss_has_the_right_slope() -> None:
    codes = torch.randn(2, 4 * BINS, dtype=torch.float64, requires_grad=True)
    distances = torch.rand(2, 4, dtype=torch.float64) * 4 - 0.5
    assert torch.autograd.gradcheck(lambda x: distribution_focal_loss(x, distances), codes)


def test_central_cells_of_an_unseen_target_and_terms_by_hand() -> None:
    codes, logits = torch.zeros(1, 16, 4 * BINS), torch.zeros(1, 16, CLASSES)
    found = run_criterion(codes, logits, GRID, TARGETS, SCALE, "center")
    assert found.cell.tolist() == [5, 6, 9, 10] and found.target.tolist() == 4 * [0] and found.image.tolist() == 4 * [0]
    # 32 scores of probability 0.5, of which 4 should be 1; divided by the sum of the targets, 4.
    assert float(found.terms["class"]) == pytest.approx(32 * math.log(2) * 0.25 / 4)
    # Boxes of 24 px around centers 4 px off: the target of 16 px is inside, so that only the IoU counts.
    assert float(found.terms["box"]) == pytest.approx(2 * (1 - 16**2 / 24**2))
    assert float(found.terms["distance"]) == pytest.approx(0.25 * 4 * math.log(4))


def test_a_target_that_is_seen_has_its_overlap_as_score() -> None:
    codes = codes_of(0, 0, 0, 0)
    codes[:, 5] = codes_of(0.5, 0.5, 1.5, 1)[:, 5]  # 16 px wide and 12 px high, of 16
    logits = torch.full((1, 16, CLASSES), -30.0)
    logits[0, 5, 1] = math.log(3)  # probability 0.75, the overlap
    alone, found = (run_criterion(codes, logits, GRID, TARGETS, SCALE, kind) for kind in ("task_aligned", "guided"))
    assert alone.cell.tolist() == [5] and float(alone.terms["class"]) == pytest.approx(0, abs=1e-6)
    # It is seen by 9/16, and for the rest has its four central cells.
    assert found.cell.tolist() == [5, 6, 9, 10]
    quality = [7 / 16 + 9 / 16 * 0.75, 7 / 16, 7 / 16, 7 / 16]
    expected = [
        (-y * math.log(p) - (1 - y) * math.log(1 - p)) * (p - y) ** 2
        for y, p in zip(quality, [0.75, *3 * [math.exp(-30)]], strict=True)
    ]
    total = max(1.0, sum(quality))
    assert float(found.terms["class"]) == pytest.approx(sum(expected) / total, rel=1e-4)


def test_targets_are_found_again_in_any_order() -> None:
    boxes = torch.tensor(
        [[0.5, 0.5, 1, 1], [0, 0, 0.5, 0.5], [0.2, 0.2, 0.2, 0.9], [0, 0.5, 0.5, 1], [0.1, 0.1, 0.9, 0.9]]
    )
    valid = torch.tensor([True, True, True, True, False])
    targets = Targets(boxes, torch.tensor([0, 1, 0, 1, 99]), torch.tensor([1, 0, 0, 1, 0]), 2, valid)
    codes, logits = torch.zeros(2, 16, 4 * BINS), torch.zeros(2, 16, CLASSES)
    found = run_criterion(codes, logits, GRID, targets, SCALE, "center")
    assert torch.equal(found.image, targets.image_index[found.target]) and set(found.target.tolist()) == {0, 1, 3}
    centers, box = GRID.centers[found.cell] / 32, boxes[found.target]
    assert bool(((box[:, :2] < centers) & (centers < box[:, 2:])).all())
