"""Data sets of images that we made: written batch by batch, or tile by tile."""

from diode_pl.data.synthetic.dataset import FinishedBatch, SyntheticSet
from diode_pl.data.synthetic.tiled import write_tiled

__all__ = ["FinishedBatch", "SyntheticSet", "write_tiled"]
