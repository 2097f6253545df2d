"""A small network with most kinds of layers, and weight files written by hand."""

import math
import struct
from pathlib import Path

import torch
from torch import Tensor

from diode_pl.detector import Darknet, Outputs
from tests.tiny_network import HALVING, INPUT

NAMES = ["cat", "dog"]
CFG = f"""\
{INPUT}{HALVING.format(8)}[maxpool]
size=2
stride=2

[convolutional]
batch_normalize=1
filters=8
size=3
groups=4
pad=1
activation=mish

[convolutional]
filters=8
size=1
activation=relu6

[shortcut]
from=-3
activation=swish

[convolutional]
batch_normalize=1
filters=8
size=1
activation=logistic

[avgpool]

[scale_channels]
from=-3

[convolutional]
batch_normalize=1
filters=16
size=3
stride=2
pad=1
activation=relu

[maxpool]
size=3
stride=1

[dropout]
probability=.3

[convolutional]
filters=14
size=1
activation=linear

[yolo]
mask=1,2
anchors=4,5, 10,8, 20,24
classes=2
scale_x_y=1.1

[route]
layers=-4
groups=2
group_id=1

[upsample]
stride=2

[route]
layers=-1,7

[convolutional]
filters=7
size=1
activation=linear

[yolo]
mask=0
anchors=4,5, 10,8, 20,24
classes=2
"""
# Filters in the order of the file: (in, out, size, groups, batch norm).
CONVOLUTIONS = [
    (3, 8, 3, 1, True),
    (8, 8, 3, 4, True),
    (8, 8, 1, 1, False),
    (8, 8, 1, 1, True),
    (8, 16, 3, 1, True),
    (16, 14, 1, 1, False),
    (16, 7, 1, 1, False),
]
COUNT = sum(o * (4 if bn else 1) + o * i // g * k * k for i, o, k, g, bn in CONVOLUTIONS)


def some_numbers(count: int = COUNT) -> Tensor:
    """Weights between 0.02 and 0.62 in size, the same on every machine; usable as variances too."""
    wave = torch.arange(count, dtype=torch.float64)
    return ((0.3 * torch.sin(wave * 1.7) + 0.32) * torch.where(wave % 3 == 1, -1.0, 1.0)).float()


def weights_bytes(numbers: Tensor, version: tuple[int, int] = (0, 2)) -> bytes:
    """A weight file; ``seen`` is 64 bits wide from version 0.2."""
    seen = struct.pack("<q" if version[0] * 10 + version[1] >= 2 else "<i", 12345)
    return struct.pack("<3i", *version, 5) + seen + struct.pack(f"<{len(numbers)}f", *numbers.tolist())


def positive_variances(numbers: Tensor) -> Tensor:
    """The same numbers with those that a batch norm reads as variances made positive."""
    numbers, at = numbers.clone(), 0
    for channels, filters, size, groups, norm in CONVOLUTIONS:
        if norm:
            numbers[at + 3 * filters : at + 4 * filters].abs_()
        at += filters * (4 if norm else 1) + filters * channels // groups * size * size
    return numbers


def write_network(folder: Path) -> tuple[Path, Path]:
    """Writes small.cfg and small.weights into a folder."""
    cfg, weights = folder / "small.cfg", folder / "small.weights"
    cfg.write_text(CFG)
    weights.write_bytes(weights_bytes(positive_variances(some_numbers())))
    return cfg, weights


def known_outputs(small: Darknet) -> Outputs:
    """Heads that are silent but for a few cells, image 32 x 32."""
    coarse, fine = torch.full((2, 2, 4, 4, 7), -20.0), torch.full((2, 1, 8, 8, 7), -20.0)
    for head in (coarse, fine):
        head[..., :4] = 0
    coarse[0, 1, 2, 1, 4:] = torch.tensor([20.0, 20.0, 0.0])  # anchor 20 x 24: a cat surely, a dog perhaps
    coarse[0, 1, 2, 2, 4:] = torch.tensor([20.0, 1.0, -20.0])  # the same cat, one cell further
    fine[1, 0, 0, 7, 4:] = torch.tensor([0.0, -20.0, 20.0])  # anchor 4 x 5: half a dog
    fine[1, 0, 0, 7, 2] = math.log(2)
    return Outputs((coarse, fine), (), (8, 4), (32, 32))
