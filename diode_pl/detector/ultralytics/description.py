"""Descriptions of the package's networks in plain data."""

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.ultralytics.package import Package

# Of a description; without `end2end`, which asks for a second branch of the head that is not used here.
_KEYS = ("nc", "scale", "scales", "depth_multiple", "width_multiple", "activation", "reg_max", "backbone", "head")
# The head of YOLOv10 without that branch, and the name of a layer in early files.
_RENAMED = {"v10Detect": "Detect", "Silence": "nn.Identity"}
_REFUSED = ("TorchVision",)  # downloads weights
_HEAD, _CHANNELS = "Detect", 3


def read_description(package: Package, model: str | Path | Mapping[str, Any]) -> dict[str, Any]:
    """Reads a network's description as plain data that can be stored as JSON.

    The package evaluates names in a description as Python. Here, layers must be those of the package or of ``torch.nn``
    and the activation one of ``torch.nn`` with literal arguments, so that a file cannot run code.

    Args:
        package: the installation.
        model: name of a .yaml file of the package such as ``yolo11n.yaml``, whose letter is the scale; path of one's
            own; or a description.

    Raises:
        ConfigError: if there is no such file, it is no detection network, or names something else.
    """
    found = dict(model) if isinstance(model, Mapping) else _read_file(package, str(model))
    where = "model: the network" if isinstance(model, Mapping) else f"model: {model}"
    try:
        description = json.loads(json.dumps({key: found[key] for key in _KEYS if key in found}))
        rows = [*description["backbone"], *description["head"]]
        for row in rows:
            row[2] = _RENAMED.get(row[2], row[2])
        layers, description["nc"] = [row[2] for row in rows], int(description["nc"])
        scales, scale = description.get("scales"), description.get("scale") or ""
        if scales:  # the others are of no use
            scale = scale or next(iter(scales))
            description["scales"] = {scale: scales[scale]}
        description["scale"] = scale  # a letter, or none
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        raise ConfigError(f"{where} is not a description of a network ({type(error).__name__}: {error})") from error
    if layers[-1] != _HEAD or _HEAD in layers[:-1]:
        raise ConfigError(f"{where} ends with {layers[-1]}; expected a detection network, which ends with {_HEAD}")
    if found.get("channels", _CHANNELS) != _CHANNELS:
        raise ConfigError(f"{where} takes images of {found['channels']} channels; expected {_CHANNELS}")
    if unknown := [name for name in layers if not _is_layer(package, name)]:
        raise ConfigError(f"{where} has a layer {unknown[0]!r}; expected those of ultralytics and torch.nn")
    if not _is_activation(activation := description.get("activation")):
        raise ConfigError(f"{where} has the activation {activation!r}; expected one of torch.nn, as nn.ReLU()")
    return {key: description[key] for key in _KEYS if key in description}


def _read_file(package: Package, model: str) -> dict[str, Any]:
    if Path(model).suffix not in (".yaml", ".yml") or "://" in model:
        raise ConfigError(
            f"model: expected a .yaml file such as yolo11n.yaml, got {model}; the weights of a .pt file, whose network "
            "is known, are given as weights"
        )
    try:
        return package.read_description(model)
    except Exception as error:  # of searches and parsers
        raise ConfigError(f"model: {model} is not a file, and ultralytics has none of this name") from error


def _is_layer(package: Package, name: Any) -> bool:
    if not isinstance(name, str) or name in _REFUSED:
        return False
    layer = getattr(nn, name[3:], None) if name.startswith("nn.") else package.layers.get(name)
    return isinstance(layer, type) and issubclass(layer, nn.Module)


def _is_activation(text: Any) -> bool:
    """Whether it is absent or a call such as ``torch.nn.LeakyReLU(0.1)``, with nothing but literals inside."""
    if text is None:
        return True
    try:
        call = ast.parse(str(text).strip(), mode="eval").body
        if not isinstance(call, ast.Call):
            return False
        for value in [*call.args, *(word.value for word in call.keywords)]:
            ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return False
    name = ast.unparse(call.func).removeprefix("torch.")
    return name.startswith("nn.") and name.count(".") == 1 and name[3:] in nn.modules.activation.__all__
