"""Metrics of detection."""

from diode_pl.metrics.error_types import ERROR_TYPES, ErrorSummary, find_errors, summarize_errors
from diode_pl.metrics.operating_point import OperatingPoint
from diode_pl.metrics.precision_curves import PrecisionCurves, mean_average_precision
from diode_pl.metrics.scores import DetectionScores

__all__ = [
    "ERROR_TYPES",
    "DetectionScores",
    "ErrorSummary",
    "OperatingPoint",
    "PrecisionCurves",
    "find_errors",
    "mean_average_precision",
    "summarize_errors",
]
