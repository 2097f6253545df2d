"""The resolution that a detector looks at pictures with."""

from pathlib import Path

from diode_pl.detector import Detector
from diode_pl.detector.input_size import InputSize
from diode_pl.detector.weights_file import stored_resolution

_USUAL = 416  # pixels: where YOLO networks were published


def choose_resolution(detector: Detector, weights: str | Path, resolution: int | None) -> int:
    """Height and width of images in pixels.

    Args:
        detector: takes the images.
        weights: its weights; a file of ours states what it was trained for.
        resolution: is taken if given; None: what the file states, else the side next to 416 that the detector takes.

    Raises:
        ValueError: if the detector does not take ``resolution``.
    """
    size = InputSize.from_detectors({"detector": detector})
    if resolution is None and Path(weights).is_file():
        resolution = stored_resolution(weights)
    if resolution is None:
        resolution = max(size.smallest, round(_USUAL / size.step) * size.step)
    size.check("resolution", resolution)
    return resolution
