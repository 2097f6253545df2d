"""Cells of a head's feature maps, and boxes by their distances to them."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.detector.outputs import DensePredictions, Outputs
from diode_pl.detector.torchvision.objectness import split_sigmoid
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
        """Squares around the centers with sides measured in cells: x1, y1, x2, y2 in pixels."""
        half = self.strides * (cells / 2)
        return torch.cat([self.centers - half, self.centers + half], dim=1)

    @property
    def priors(self) -> Float[Tensor, "m 4"]:
        """Squares of the size of the objects that a map is meant for, five cells.

        Source: Xu et al., PP-YOLOE, 2022.
        """
        return self.squares(_SIDE)


def decode_distances(codes: Float[Tensor, "n m d"], grid: Grid) -> Float[Tensor, "n m 4"]:
    """Boxes in pixels from the distances of their sides to the centers of the cells, differentiable.

    Args:
        codes: distances to left, top, right and bottom in cells; or of each the logits of a distribution over the whole
            numbers from 0, of which the mean counts.
        grid: the cells.

    Source: Tian et al., FCOS, ICCV 2019; Li et al., Generalized Focal Loss, NeurIPS 2020.
    """
    bins = codes.shape[2] // 4
    distances = codes
    if bins > 1:
        distances = codes.unflatten(2, (4, bins)).softmax(dim=3) @ torch.arange(bins).to(codes)
    # No box ends before it begins; clipped without loss of gradient.
    distances = distances + (distances.clamp(min=0) - distances).detach()
    reach = distances * grid.strides
    return torch.cat([grid.centers - reach[..., :2], grid.centers + reach[..., 2:]], dim=2)


def decode_cells(
    codes: Float[Tensor, "n m d"], logits: Float[Tensor, "n m c"], grid: Grid, scale: Float[Tensor, " 4"]
) -> DensePredictions:
    """Predictions of heads with one candidate a cell, without objectness of their own.

    Args:
        codes: see :func:`decode_distances`.
        logits: of the classes.
        grid: the cells.
        scale: image width, height, width, height in pixels.
    """
    objectness, classes = split_sigmoid(logits.sigmoid())
    boxes = decode_distances(codes, grid)
    places = grid.priors / scale, grid.squares(1.0) / scale
    return DensePredictions(boxes / scale, objectness, classes, *places, has_objectness=False)


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
