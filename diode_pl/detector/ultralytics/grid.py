"""Cells of a head's feature maps."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.detector.outputs import Outputs
from diode_pl.numerics.dtypes import at_least_float32

_SIDE = 5.0  # of a cell's prior, in cells


class Grid(NamedTuple):
    """Cells of all feature maps, finest first, row by row, in pixels.

    Args:
        centers: x and y of each cell.
        strides: side of each cell.
    """

    centers: Float[Tensor, "m 2"]
    strides: Float[Tensor, "m 1"]

    def squares(self, cells: float) -> Float[Tensor, "m 4"]:
        """Squares around the centers with a side of so many cells: x1, y1, x2, y2 in pixels."""
        half = self.strides * (cells / 2)
        return torch.cat([self.centers - half, self.centers + half], dim=1)

    @property
    def priors(self) -> Float[Tensor, "m 4"]:
        """Squares of the size of the objects that a map is meant for, five cells.

        Source: Xu et al., PP-YOLOE, 2022.
        """
        return self.squares(_SIDE)


def make_grid(outputs: Outputs) -> Grid:
    """Cells of the feature maps of ``outputs``, in float32 or float64."""
    number, centers, strides = at_least_float32(outputs.heads[0][:0]), [], []
    for feature, stride in zip(outputs.features, outputs.strides, strict=True):
        rows, columns = (
            (torch.arange(side, dtype=number.dtype, device=number.device) + 0.5) * stride for side in feature.shape[2:]
        )
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        centers.append(torch.stack([x, y], dim=-1).flatten(0, 1))
        strides.append(torch.full_like(centers[-1][:, :1], stride))
    return Grid(torch.cat(centers), torch.cat(strides))
