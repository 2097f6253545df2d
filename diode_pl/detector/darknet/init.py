"""Random weights of Darknet networks."""

import math

import torch
from torch import nn

from diode_pl.detector.darknet.layers import Convolution, YoloHead

_PRIOR = 0.01  # objectness of an untrained network, as few cells have objects


def draw_weights(network: nn.ModuleList, before_head: frozenset[int]) -> None:
    """Draws Kaiming weights, and heads with low objectness, from the global generator.

    Args:
        network: layers of a Darknet network.
        before_head: positions of the convolutions whose output is a head.
    """
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
