"""Results of a finished training: weights, ONNX, curves and pictures."""

from diode_pl.report.closing import log_closing, predict_words
from diode_pl.report.curves import draw_curves, write_curves
from diode_pl.report.onnx import export_onnx
from diode_pl.report.onnx_nms import Suppression
from diode_pl.report.sheets import draw_crops, draw_predictions
from diode_pl.report.weights import save_weights

__all__ = [
    "Suppression",
    "draw_crops",
    "draw_curves",
    "draw_predictions",
    "export_onnx",
    "log_closing",
    "predict_words",
    "save_weights",
    "write_curves",
]
