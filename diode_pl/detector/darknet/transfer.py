"""Networks with another number of classes than their definition says, and weights of such networks."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from diode_pl.detector.darknet.builder import Layer, build_layers
from diode_pl.detector.darknet.cfg import ConfigError, Section
from diode_pl.detector.darknet.weights import parameters_in_order, read_floats


def resize_heads(sections: Sequence[Section], classes: int) -> list[Section]:
    """Returns the same network with heads for another number of classes.

    Args:
        sections: of the network, ``[net]`` first; those of a file or of a function such as :func:`yolov3_tiny`.
        classes: number of classes.

    Example:
        >>> from diode_pl.detector.darknet.yolov3 import yolov3_tiny
        >>> resize_heads(yolov3_tiny(classes=80), 1) == yolov3_tiny(classes=1)
        True
    """
    resized = list(sections)
    for i, section in enumerate(sections):
        if section.kind == "yolo" and section.options.get("classes") != str(classes):
            resized[i] = replace(section, options={**section.options, "classes": str(classes)})
            if i and sections[i - 1].kind == "convolutional":  # otherwise build_layers says what is wrong
                anchors = (
                    len(section.ints("mask")) if "mask" in section.options else len(section.floats("anchors")) // 2
                )
                filters = {"filters": str(anchors * (5 + classes))}
                resized[i - 1] = replace(sections[i - 1], options={**sections[i - 1].options, **filters})
    return resized


def read_other_classes(sections: Sequence[Section], path: str | Path, layers: int | None = None) -> dict[str, Tensor]:
    """Reads a .weights file of the same network with another number of classes, or of its first layers alone.

    Args:
        sections: of the network.
        path: of the .weights file; its number of classes follows from the count of its numbers. A shorter file must
            end after a layer, as files cut for transfer do (``darknet53.conv.74``).
        layers: only this many first layers are read, as of a file of a network that differs after them.

    Returns:
        State dict of a :class:`Darknet`; it lacks the layers that were not read.

    Raises:
        ConfigError: if the numbers are those of another network.
    """
    numbers = read_floats(path)
    one, two = (_count(_build_empty(sections, classes)) for classes in (1, 2))
    classes, rest = divmod(len(numbers) - one, two - one)
    whole = rest == 0 and classes >= 0
    network, state, used = _build_empty(sections, classes + 1 if whole else 1), dict[str, Tensor](), 0
    for i, layer in enumerate(network[:layers]):
        named = {id(value): name for name, value in layer.module.state_dict(keep_vars=True).items()}
        for parameter in parameters_in_order(layer):
            end = used + parameter.numel()
            if end > len(numbers):
                raise ConfigError(
                    f"weights: {path} holds {len(numbers)} numbers and ends inside layer {i}: it is of another "
                    "network. partial=N takes the first N layers of a file whose network differs after them"
                )
            state[f"layers.{i}.{named[id(parameter)]}"] = numbers[used:end].view(parameter.shape)
            used = end
        if used == len(numbers):
            break
    if used != len(numbers) and layers is None:
        raise ConfigError(
            f"weights: {path} holds {len(numbers)} numbers, {one} to {two} are those of one or two classes: it is of "
            "another network. partial=N takes its first N layers"
        )
    return state


def _build_empty(sections: Sequence[Section], classes: int) -> list[Layer]:
    with torch.device("meta"):
        return build_layers(resize_heads(sections, classes))


def _count(network: Sequence[Layer]) -> int:
    return sum(parameter.numel() for layer in network for parameter in parameters_in_order(layer))
