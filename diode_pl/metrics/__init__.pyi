from .error_types import ERROR_TYPES, ErrorSummary, find_errors, summarize_errors
from .operating_point import OperatingPoint
from .precision_curves import PrecisionCurves, mean_average_precision
from .scores import DetectionScores

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
