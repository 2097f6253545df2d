"""Detection data sets: made, read, joined to training batches."""

from diode_pl.data.batch import Batch
from diode_pl.data.crop_data import CropData
from diode_pl.data.detection_data import DetectionData
from diode_pl.data.shapes import ShapesWorld
from diode_pl.data.synthetic import FinishedBatch, SyntheticSet
from diode_pl.data.tiled import write_tiled
from diode_pl.data.writing import write_picture, write_whole

__all__ = [
    "Batch",
    "CropData",
    "DetectionData",
    "FinishedBatch",
    "ShapesWorld",
    "SyntheticSet",
    "write_tiled",
    "write_picture",
    "write_whole",
]
