"""Cells of a student's candidates, and which of them contain the centers of boxes."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Intervals:
    """Half-open intervals, in layers within which none overlap, so that a search finds those that hold a value.

    Args:
        edges: beginning and end of each interval.
    """

    def __init__(self, edges: Float[Tensor, "p 2"]) -> None:
        layers: list[list[int]] = []
        ends: list[float] = []
        values = edges.tolist()
        for index in sorted(range(len(values)), key=values.__getitem__):
            begin, end = values[index]
            free = next((i for i, last in enumerate(ends) if last <= begin), None)
            if free is None:
                layers.append([])
                ends.append(end)
                free = -1
            layers[free].append(index)
            ends[free] = end
        self.layers = [torch.tensor(layer, device=edges.device) for layer in layers]
        self.edges = [edges[layer].T.contiguous() for layer in self.layers]

    def find(self, values: Float[Tensor, " k"]) -> Int[Tensor, "layers k"]:
        """Index of the interval of each layer that holds each value; -1 where none does."""
        found = []
        for layer, (begin, end) in zip(self.layers, self.edges, strict=True):
            at = torch.searchsorted(begin, values, right=True) - 1
            found.append(torch.where((at >= 0) & (values < end[at]), layer[at], -1))
        return torch.stack(found)


class CellGroups(NamedTuple):
    """Candidates by the cell that they share, such as the anchors of one place of a head; of :func:`group_cells`.

    Args:
        cells: of the candidates, see :class:`DensePredictions`.
        columns, rows: distinct x1, x2 and y1, y2 of the cells.
        cell: index of the distinct cell of each column and row; -1 where there is none, and in a last row and column.
        members: number of candidates of each distinct cell.
        candidates: indices of all candidates, cell by cell.
    """

    cells: Float[Tensor, "m 4"]
    columns: Intervals
    rows: Intervals
    cell: Int[Tensor, "_ _"]
    members: Int[Tensor, " g"]
    candidates: Int[Tensor, " m"]

    def holds(self, cells: Float[Tensor, "m 4"]) -> bool:
        """Whether these are the cells of ``cells``, of the same type on the same device."""
        alike = (cells.dtype, cells.device) == (self.cells.dtype, self.cells.device)
        return alike and torch.equal(self.cells, cells)

    def find(self, boxes: Float[Tensor, "n k 4"]) -> tuple[Int[Tensor, " p"], Int[Tensor, " p"], Int[Tensor, " p"]]:
        """Pairs of boxes and candidates whose cell contains the center: image, index of the box, of the candidate."""
        # A center on the right or lower edge of the image belongs to the last cell, as in training.
        center = ((boxes[..., :2] + boxes[..., 2:]) / 2).clamp(0, 1 - torch.finfo(boxes.dtype).eps)
        x, y = center.flatten(0, 1).T.contiguous()
        cells = self.cell[self.columns.find(x)[:, None], self.rows.find(y)].flatten(0, 1)
        layer, box = torch.nonzero(cells >= 0).unbind(dim=1)
        cell = cells[layer, box]
        # Expands each pair of box and cell to all candidates of the cell.
        number = self.members[cell]
        each = torch.arange(len(cell), device=cell.device).repeat_interleave(number)
        nth = torch.arange(len(each), device=cell.device) - (number.cumsum(dim=0) - number)[each]
        box, first = box[each], self.members.cumsum(dim=0) - self.members
        return box // boxes.shape[1], box % boxes.shape[1], self.candidates[first[cell[each]] + nth]


def group_cells(cells: Float[Tensor, "m 4"]) -> CellGroups:
    """Sorts candidates by their cells, which takes longer than to find boxes in them."""
    distinct, cell_of, members = cells.unique(dim=0, return_inverse=True, return_counts=True)
    columns, column = distinct[:, 0::2].unique(dim=0, return_inverse=True)
    rows, row = distinct[:, 1::2].unique(dim=0, return_inverse=True)
    cell = torch.full((len(columns) + 1, len(rows) + 1), -1, device=cells.device)
    cell[column, row] = torch.arange(len(distinct), device=cells.device)
    return CellGroups(cells, Intervals(columns), Intervals(rows), cell, members, cell_of.argsort(stable=True))
