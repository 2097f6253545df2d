"""Using a detector: what it finds in pictures, and files of it for other programs."""

from diode_pl.prediction.export import export_weights
from diode_pl.prediction.job import predict_pictures

__all__ = ["export_weights", "predict_pictures"]
