"""Results of a finished training: weights, ONNX, curves and pictures."""

from diode_pl.report.closing import log_closing
from diode_pl.report.curves import curves, write_curves
from diode_pl.report.onnx import export_onnx
from diode_pl.report.onnx_nms import Suppression
from diode_pl.report.sheets import crop_sheet, prediction_sheet
from diode_pl.report.weights import save_weights

__all__ = [
    "Suppression",
    "crop_sheet",
    "curves",
    "export_onnx",
    "log_closing",
    "prediction_sheet",
    "save_weights",
    "write_curves",
]
