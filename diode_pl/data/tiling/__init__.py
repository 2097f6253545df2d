"""Several images joined into one, so that a training image shows more than one object."""

from diode_pl.data.tiling.base import MOST, Tiling
from diode_pl.data.tiling.counts import Fixed, FromDataset, FullGrids, Geometric, Uniform
from diode_pl.data.tiling.grid import tile

__all__ = ["MOST", "Fixed", "FromDataset", "FullGrids", "Geometric", "Tiling", "Uniform", "tile"]
