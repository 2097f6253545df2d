"""Darknet networks with fewer channels."""

from collections.abc import Sequence
from dataclasses import replace

from diode_pl.detector.darknet.cfg import Section

_FEWEST = 8  # channels that a layer keeps, unless it has fewer


def scale_width(sections: Sequence[Section], width: float) -> list[Section]:
    """Returns the same network with ``width`` times as many channels in each layer, but for the heads.

    Numbers of channels stay even, so that a ``route`` can take half of them.

    Args:
        sections: of the network, ``[net]`` first.
        width: factor, > 0.

    Raises:
        ValueError: if ``width`` is not > 0.

    Example:
        >>> from diode_pl.detector.darknet.yolov3 import yolov3_tiny
        >>> [section.options["filters"] for section in scale_width(yolov3_tiny(), 0.25)[1:4:2]]
        ['8', '8']
        >>> scale_width(yolov3_tiny(), 1.0) == yolov3_tiny()
        True
    """
    if not width > 0:
        raise ValueError(f"width must be > 0, got {width}")
    scaled = list(sections)
    for i, (section, after) in enumerate(zip(sections, [*sections[1:], None], strict=True)):
        if width == 1 or section.kind != "convolutional" or (after is not None and after.kind == "yolo"):
            continue
        filters, groups = section.int_of("filters"), section.int_of("groups", 1)
        options = {**section.options, "filters": str(_scale(filters, width))}
        if groups == filters:  # depthwise
            options["groups"] = options["filters"]
        scaled[i] = replace(section, options=options)
    return scaled


def _scale(channels: int, width: float) -> int:
    return max(min(channels, _FEWEST), 2 * round(channels * width / 2))
