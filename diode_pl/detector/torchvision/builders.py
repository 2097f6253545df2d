"""Functions that build networks, by the names under which weights files mention them."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torchvision
from torch import nn

from diode_pl.detector.torchvision.narrow_models import narrow_faster_rcnn, narrow_retinanet
from diode_pl.detector.torchvision.ssd_backbone import ssd_vgg16_bn

# A file names one of these and nothing else: no file may run code of its author's choice.
BUILDERS: dict[str, Callable[..., nn.Module]] = {
    f"torchvision.models.detection.{name}": torchvision.models.get_model_builder(name)
    for name in torchvision.models.list_models(module=torchvision.models.detection)
}
BUILDERS |= {
    f"diode_pl.detector.{each.__name__}": each for each in (narrow_faster_rcnn, narrow_retinanet, ssd_vgg16_bn)
}
_PRETRAINED = ("weights", "weights_backbone")  # of torchvision's builders: names of downloads


def describe_builder(build: Callable[..., nn.Module]) -> dict[str, Any] | None:
    """Describes a network's builder in plain data, for :func:`find_builder`.

    Args:
        build: one of :data:`BUILDERS`, or a partial of it.

    Returns:
        ``builder``, its name, and ``arguments``; None if it is another function or its arguments are not plain data.

    Example:
        >>> describe_builder(partial(narrow_retinanet, pyramid=16))
        {'builder': 'diode_pl.detector.narrow_retinanet', 'arguments': {'pyramid': 16}}
    """
    function, given = (build.func, build.keywords) if isinstance(build, partial) else (build, {})
    arguments = {key: value for key, value in given.items() if key not in _PRETRAINED}
    name = next((name for name, known in BUILDERS.items() if known is function), None)
    if name is None or (isinstance(build, partial) and build.args):
        return None
    try:
        return {"builder": name, "arguments": json.loads(json.dumps(arguments))}
    except TypeError:
        return None


def find_builder(description: Mapping[str, Any]) -> Callable[..., nn.Module]:
    """The builder that :func:`describe_builder` has described; it downloads nothing.

    Raises:
        ValueError: if it is not one of :data:`BUILDERS`.
    """
    name = description["builder"]
    if name not in BUILDERS:
        raise ValueError(f"the network's builder must be one of {', '.join(sorted(BUILDERS))}, got {name!r}")
    arguments = {key: value for key, value in description["arguments"].items() if key not in _PRETRAINED}
    return partial(BUILDERS[name], **arguments, **dict.fromkeys(_PRETRAINED if name.startswith("torchvision.") else ()))
