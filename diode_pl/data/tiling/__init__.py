"""Several images joined into one, so that a training image shows more than one object."""

from diode_pl.data.tiling.base import MAX_TILES, Tiling
from diode_pl.data.tiling.counts import Fixed, FromDataset, FullGrids, Geometric, Uniform
from diode_pl.data.tiling.grid import tile

__all__ = ["MAX_TILES", "Fixed", "FromDataset", "FullGrids", "Geometric", "Tiling", "Uniform", "tile"]
