"""Detection data sets: read, joined to training batches."""

from diode_pl.data.batch import Batch
from diode_pl.data.datamodule import DetectionData

__all__ = ["Batch", "DetectionData"]
