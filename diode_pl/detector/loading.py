"""Loading of a detector and prediction, in one call each; part of the Python API."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from diode_pl.detector.base import Detector
from diode_pl.detector.darknet.detector import Darknet
from diode_pl.detector.darknet.yolov3 import yolov3_tiny
from diode_pl.detector.outputs import Detections
from diode_pl.detector.weights_file import load_weights_file, read_metadata
from diode_pl.io.assets import asset

SHAPES = ("mug", "key", "star", "crescent", "gear", "house", "fish", "umbrella")
_ANCHORS = (18, 18, 26, 24, 34, 34, 45, 42, 52, 66, 72, 50, 70, 72, 84, 88, 106, 106)


def load_detector(
    cfg: str | Path | None = None,
    weights: str | Path | None = None,
    class_names: str | Path | Sequence[str] | None = None,
    width: float = 0.375,
) -> Detector:
    """Loads a detector from a Darknet ``.cfg`` or a weights file alone, or builds one for the embedded data set.

    Args:
        cfg: path of the network definition; None takes the architecture that ``weights`` states, as a training's
            ``student.safetensors`` does, else builds a narrow YOLOv3-tiny for the classes of the embedded data set.
        weights: path of ``.weights``, ``.safetensors``, ``.pt`` or ``.pth``; ``"embedded"`` selects the weights that
            come with the package, for ``cfg=None``; None draws random ones.
        class_names: names in the order of the labels, or path of a file with one name per line; None takes those that
            a file of the whole detector states, else those of the embedded data set.
        width: factor of the number of channels of the YOLOv3-tiny that is built.

    Raises:
        ConfigError: if definition, weights and names do not match.
        ValueError: if ``cfg`` is given with ``weights="embedded"``.

    Example:
        >>> detector = load_detector(weights="embedded")
        >>> detector.class_names[:3]
        ('mug', 'key', 'star')
    """
    if cfg is None and weights not in (None, "embedded") and "architecture" in read_metadata(weights):
        return load_weights_file(weights, class_names)
    class_names = SHAPES if class_names is None else class_names
    if cfg is not None:
        if weights == "embedded":
            raise ValueError(
                f'weights="embedded" are not those of cfg={cfg}: omit cfg, or set weights to a path or None'
            )
        return Darknet(cfg, weights, class_names)
    file = asset("yolov3_tiny_shapes.safetensors") if weights == "embedded" else weights
    gains: dict[str, Any] = {"box_gain": 0.7, "class_gain": 7.5, "objectness_gain": 13.0}
    return Darknet(yolov3_tiny(8, width, _ANCHORS), file, class_names, backbone_sections=13, **gains)


@torch.no_grad()
def predict(
    detector: Detector, images: Float[Tensor, "n 3 h w"], confidence: float = 0.25, iou: float = 0.45
) -> list[Detections]:
    """Detects objects in images.

    Args:
        detector: any detector; it is set to eval mode.
        images: RGB in [0, 1]; height and width must be multiples of ``detector.stride``.
        confidence: detections at or below this score are dropped, in [0, 1].
        iou: threshold of non-maximum suppression, in [0, 1].

    Returns:
        For each image boxes (x1, y1, x2, y2 in units of image width and height), scores and labels, best first.

    Example:
        >>> detections = predict(load_detector(weights="embedded"), torch.rand(2, 3, 64, 64))
        >>> len(detections)
        2
    """
    detector.eval()
    return detector.predict(detector(images), confidence, iou)
