"""Metrics of detection."""

from diode_pl.metrics.operating_point import OperatingPoint
from diode_pl.metrics.precision_curves import PrecisionCurves, mean_average_precision
from diode_pl.metrics.scores import DetectionScores

__all__ = ["DetectionScores", "OperatingPoint", "PrecisionCurves", "mean_average_precision"]
