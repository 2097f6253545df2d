"""The job that writes a detector for other programs."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diode_pl.detector import Detector
from diode_pl.prediction.resolution import choose_resolution
from diode_pl.report import Suppression, export_onnx

log = logging.getLogger(__name__)


def export_weights(
    detector: Detector,
    weights: str | Path,
    folder: str | Path,
    settings: Mapping[str, Any],
    output: str | Path | None = None,
    format: str = "onnx",
    resolution: int | None = None,
    dynamic: bool = False,
    nms: bool = False,
    confidence: float = 0.25,
    iou: float = 0.45,
    max_detections: int = 100,
) -> None:
    """Writes a detector as a file that runs without this package.

    Args:
        detector: with trained weights.
        weights: where they came from: the file may state a resolution.
        folder: where a relative ``output`` begins.
        settings: configuration of the run; not stored.
        output: path of the file; None: that of ``weights`` with the suffix of the format.
        format: ``onnx``.
        resolution: in pixels; None takes that of the weights file, or one near 416.
        dynamic: whether images may be of any height and width that the detector takes.
        nms: with non-maximum suppression inside.
        confidence: see :class:`~diode_pl.report.Suppression`; not used without ``nms``.
        iou: as above.
        max_detections: as above.

    Raises:
        ValueError: if an argument is out of range, the weights are random, or the detector cannot be exported so.
    """
    if format != "onnx":
        raise ValueError(f"format must be onnx, got {format!r}")
    detector.require_trained("detector")
    side = choose_resolution(detector, weights, resolution)
    path = Path(folder) / Path(output or Path(weights).with_suffix(".onnx")).expanduser()
    inside = Suppression(confidence, iou, max_detections) if nms else None
    difference = export_onnx(detector, path, side, dynamic, inside, {"data_access": str(detector.provenance)})
    sizes = f"any size in steps of {detector.stride} px" if dynamic else f"{side} x {side} px"
    log.info(
        "Look at %s: for images of %s, %d classes, suppression %s; boxes and scores differ from PyTorch's by at most "
        "%.1e. README.md, Predict and export, has ten lines that run it",
        *(path, sizes, len(detector.class_names), "inside" if nms else "outside", difference),
    )
