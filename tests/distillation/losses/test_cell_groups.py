import pytest
import torch
from torch import Tensor

from diode_pl.distillation.losses.cell_groups import Intervals, group_cells


def lattice(rows: int, columns: int, anchors: int) -> Tensor:
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    corners = torch.stack([x / columns, y / rows, (x + 1) / columns, (y + 1) / rows], dim=-1)
    return corners.reshape(-1, 4).repeat_interleave(anchors, dim=0)


def pairs_by_definition(boxes: Tensor, cells: Tensor) -> set[tuple[int, ...]]:
    center = ((boxes[..., :2] + boxes[..., 2:]) / 2).clamp(0, 1 - torch.finfo(boxes.dtype).eps)
    x, y = center[..., None, :].unbind(dim=3)
    left, top, right, bottom = cells.unbind(dim=1)
    return set(map(tuple, torch.nonzero((left <= x) & (x < right) & (top <= y) & (y < bottom)).tolist()))


@pytest.mark.parametrize("kind", ["maps of three strides", "any cells", "one cell"])
def test_it_finds_the_candidates_whose_cell_holds_the_center(kind: str) -> None:
    draw = torch.Generator().manual_seed(0)
    if kind == "any cells":
        cells = torch.rand(60, 4, generator=draw)
        cells = torch.cat([torch.minimum(cells[:, :2], cells[:, 2:]), torch.maximum(cells[:, :2], cells[:, 2:])], dim=1)
    elif kind == "one cell":
        cells = lattice(1, 1, 2)
    else:
        cells = torch.cat([lattice(20, 10, 3), lattice(10, 5, 3), lattice(5, 3, 1)])
    cells = cells[torch.randperm(len(cells), generator=draw)]
    boxes = torch.rand(3, 40, 4, generator=draw) * 1.4 - 0.2
    boxes[0, :4] = torch.tensor([[0.0, 0, 0, 0], [1, 1, 1, 1], [0.4, 0.2, 0.6, 0.8], [0.5, 0.5, 0.5, 0.5]])
    found = torch.stack(group_cells(cells).find(boxes), dim=1).tolist()
    expected = pairs_by_definition(boxes, cells)
    assert len(found) == len(expected) > 40
    assert set(map(tuple, found)) == expected


def test_intervals_need_as_many_layers_as_lie_over_one_another() -> None:
    edges = torch.tensor([[0.0, 0.5], [0.5, 1.0], [0.0, 0.25], [0.25, 0.5], [0.5, 0.75], [0.75, 1.0]])
    found = Intervals(edges).find(torch.tensor([0.0, 0.3, 0.5, 0.99, 1.0, -0.1]))
    assert found.shape == (2, 6)
    assert [sorted(column) for column in found.T.tolist()] == [[0, 2], [0, 3], [1, 4], [1, 5], [-1, -1], [-1, -1]]


def test_groups_hold_their_own_cells_only() -> None:
    cells = lattice(2, 2, 1)
    groups = group_cells(cells)
    assert groups.holds(cells.clone())
    for other in (cells + 0.1, cells[:3], cells.double()):
        assert not groups.holds(other)
