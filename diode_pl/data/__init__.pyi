from .batch import Batch
from .datamodule import DetectionData

__all__ = ["Batch", "DetectionData"]
