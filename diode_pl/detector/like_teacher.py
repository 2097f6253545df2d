"""The network of another detector, with random weights."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diode_pl.class_names import read_names
from diode_pl.detector.base import Detector
from diode_pl.detector.darknet.cfg import ConfigError, Section
from diode_pl.detector.darknet.width import scale_width
from diode_pl.detector.weights_file import build_described


def like_teacher(
    teacher: Detector | None = None,
    weights: str | Path | None = None,
    names: str | Path | Sequence[str] | None = None,
    width: float = 1.0,
) -> Detector:
    """Builds a student with the architecture of its teacher: layers, anchors, classes, but none of its weights.

    Args:
        teacher: whose network it is.
        weights: to start from; None draws random ones.
        names: path of a file with one class name per line, or the names; None takes those of the teacher.
        width: factor of the number of channels of each layer, > 0; other than 1 for Darknet networks only.

    Raises:
        ConfigError: if there is no teacher, or its network cannot be built so.

    Example:
        >>> from diode_pl import load_detector
        >>> teacher = load_detector(weights="embedded")
        >>> student = like_teacher(teacher, width=0.5)
        >>> teacher.norm_layers()[0].num_features, student.norm_layers()[0].num_features
        (8, 8)
        >>> teacher.norm_layers()[5].num_features, student.norm_layers()[5].num_features
        (192, 96)
    """
    if teacher is None:
        raise ConfigError(
            "like_teacher is the network of the teacher, and there is none; detector@student=NAME takes another one, "
            "student.weights=FILE that of a file"
        )
    metadata = teacher.weights_metadata()
    if "architecture" not in metadata:
        raise ConfigError(
            f"like_teacher: a {type(teacher).__name__} does not say how it is built; detector@student=NAME takes "
            "another network"
        )
    described = json.loads(metadata["architecture"])
    if width != 1:
        described["sections"] = _scaled(described, width)
    return build_described(described, weights, teacher.class_names if names is None else read_names(names))


def _scaled(described: dict[str, Any], width: float) -> list[Any]:
    if described["class"] != "Darknet":
        raise ConfigError(
            f"width: only Darknet networks are made narrower, not {described['class']}; detector@student=NAME takes "
            "another network"
        )
    sections = scale_width([Section(kind, options) for kind, options in described["sections"]], width)
    return [[section.kind, dict(section.options)] for section in sections]
