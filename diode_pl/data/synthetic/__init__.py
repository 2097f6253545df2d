"""Data sets of images that we made: written batch by batch, or tile by tile."""

from diode_pl.data.synthetic.claims import Claims
from diode_pl.data.synthetic.dataset import FinishedBatch, SyntheticSet
from diode_pl.data.synthetic.plan import Plan, Shard
from diode_pl.data.synthetic.team import Team
from diode_pl.data.synthetic.tiled import write_tiled

__all__ = ["Claims", "FinishedBatch", "Plan", "Shard", "SyntheticSet", "Team", "write_tiled"]
