"""Detection data sets on disk."""

from diode_pl.data.synthetic import FinishedBatch, SyntheticSet
from diode_pl.data.writing import write_whole

__all__ = ["FinishedBatch", "SyntheticSet", "write_whole"]
