"""Which anchors of which cells answer for a target."""

import pytest
import torch

from diode_pl.detector.darknet.yolo_assigner import Assignment, anchors_in_cells, assign_targets
from diode_pl.targets import Targets

ANCHORS = torch.tensor([[30.0, 40.0], [60.0, 20.0]])  # width and height in pixels
SIZE, GRID = (64, 96), (2, 3)  # height and width in pixels, rows and columns


def assign(*boxes: list[float], threshold: float = 0.5, valid: list[bool] | None = None) -> Assignment:
    count = len(boxes)
    mask = torch.tensor(valid or [True] * count)
    labels, image = torch.zeros(count, dtype=torch.long), torch.arange(count)
    return assign_targets(ANCHORS, GRID, SIZE, Targets(torch.tensor(boxes), labels, image, count, mask), threshold)


def box(x: float, y: float, w: float, h: float) -> list[float]:
    """Corners in units of the image, from center and size in pixels."""
    return [(x - w / 2) / 96, (y - h / 2) / 64, (x + w / 2) / 96, (y + h / 2) / 64]


def test_anchors_are_measured_in_cells() -> None:
    torch.testing.assert_close(
        anchors_in_cells(ANCHORS, GRID, SIZE), torch.tensor([[30 / 32, 40 / 32], [60 / 32, 0.625]])
    )


def test_a_target_goes_to_the_anchors_of_its_shape_in_the_cell_of_its_center() -> None:
    found = assign(box(40, 40, 30, 40), box(70, 10, 58, 20))
    assert found.matched.tolist() == [[1, 0], [0, 1]] and found.image.tolist() == [0, 1]
    assert found.row.tolist() == [1, 0] and found.column.tolist() == [1, 2]
    center, size = found.truth[:, :2] + found.truth[:, 2:], found.truth[:, 2:] - found.truth[:, :2]
    torch.testing.assert_close(center / 2, torch.tensor([[0.25, 0.25], [70 / 32 - 2, 10 / 32]]))
    torch.testing.assert_close(size, torch.tensor([[30 / 32, 40 / 32], [58 / 32, 20 / 32]]))


@pytest.mark.parametrize(("threshold", "matched"), [(0.0, [1, 1]), (0.33, [1, 1]), (0.34, [1, 0]), (0.99, [1, 0])])
def test_the_threshold_is_of_the_overlap_center_on_center(threshold: float, matched: list[int]) -> None:
    # 30 x 40 and 60 x 20 share 30 x 20: a third of both.
    assert assign(box(10, 30, 30, 40), threshold=threshold).matched.tolist() == [matched]


@pytest.mark.parametrize(("center", "cell"), [((96, 64), (1, 2)), ((-3, 70), (1, 0)), ((0, 0), (0, 0))])
def test_a_center_on_the_rim_or_beyond_belongs_to_the_nearest_cell(
    center: tuple[int, int], cell: tuple[int, int]
) -> None:
    found = assign(box(*center, 30, 40))
    assert (int(found.row), int(found.column)) == cell and found.matched[0, 0] == 1


@pytest.mark.parametrize("rubbish", [float("nan"), float("inf"), -7.0])
def test_a_target_that_is_switched_off_matches_nothing_whatever_it_holds(rubbish: float) -> None:
    found = assign([rubbish] * 4, box(40, 40, 30, 40), valid=[False, True])
    assert found.matched.tolist() == [[0, 0], [1, 0]] and bool(found.truth.isfinite().all())
