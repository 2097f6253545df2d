"""Weights of Darknet networks: random, or from .weights (a header, then float32 numbers without names)."""

import math
import struct
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diode_pl.detector.darknet.builder import Layer
from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.darknet.layers import Convolution, YoloHead
from diode_pl.detector.partial_weights import FOR_OTHER_CLASSES

_PRIOR = 0.01  # objectness of an untrained network, as few cells have objects


def draw_weights(network: nn.ModuleList, before_head: frozenset[int]) -> None:
    """Draws Kaiming weights from the global generator, and heads (after ``before_head``) with low objectness."""
    for i, layer in enumerate(network):
        if not isinstance(layer, Convolution):
            continue
        if i in before_head:
            nn.init.normal_(layer.conv.weight, std=0.01)
        else:
            nn.init.kaiming_normal_(layer.conv.weight, a=0.1)
        if layer.conv.bias is not None:
            nn.init.zeros_(layer.conv.bias)
            if i in before_head and isinstance(yolo := network[i + 1], YoloHead):
                with torch.no_grad():
                    layer.conv.bias.view(-1, 5 + yolo.classes)[:, 4] = -math.log((1 - _PRIOR) / _PRIOR)


def load_darknet(network: Sequence[Layer], path: str | Path) -> None:
    """Loads a .weights file.

    Raises:
        ConfigError: if the file has fewer or more numbers than the network.
    """
    numbers, used, last = read_floats(path), 0, network[0].section
    total = sum(p.numel() for layer in network for p in parameters_in_order(layer))
    expected = f"{total} numbers for this network; {FOR_OTHER_CLASSES}"
    for layer in network:
        for parameter in parameters_in_order(layer):
            last, end = layer.section, used + parameter.numel()
            if end > len(numbers):
                raise last.error(f"{path} ends here with {len(numbers)} numbers", expected)
            with torch.no_grad():
                parameter.copy_(numbers[used:end].view_as(parameter))
            used = end
    if used != len(numbers):
        raise last.error(f"{path} has {len(numbers)} numbers", expected)


def read_floats(path: str | Path) -> Float[Tensor, " m"]:
    """Reads all numbers after the header of a .weights file.

    Raises:
        ConfigError: if the file ends within the header or a number.
    """
    data = bytearray(Path(path).read_bytes())
    if len(data) < 12:
        raise ConfigError(f"{path}: found {len(data)} bytes; expected a header of at least 16")
    major, minor, _ = struct.unpack("<3i", data[:12])
    # The number of training images has 64 bits since version 0.2.
    header = 12 + (8 if major * 10 + minor >= 2 else 4)
    if len(data) < header or (len(data) - header) % 4:
        raise ConfigError(
            f"{path}: found {len(data)} bytes; expected a header of {header} (version {major}.{minor}) and "
            "numbers of 4 bytes each: the file is truncated or not a Darknet weight file"
        )
    return torch.frombuffer(data, dtype=torch.float32, offset=header) if len(data) > header else torch.zeros(0)


def parameters_in_order(layer: Layer) -> list[Tensor]:
    """Tensors of a layer in the order of the file."""
    if not isinstance(layer.module, Convolution):
        return []
    conv, norm = layer.module.conv, layer.module.norm
    if norm is None:
        assert conv.bias is not None
        return [conv.bias, conv.weight]
    assert norm.running_mean is not None and norm.running_var is not None
    return [norm.bias, norm.weight, norm.running_mean, norm.running_var, conv.weight]
