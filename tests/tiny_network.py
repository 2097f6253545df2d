"""A Darknet network small enough to be run thousands of times in a test."""

import struct
from pathlib import Path

import numpy as np

from diode_pl.detector import Darknet

INPUT = """\
[net]
width=32
height=32
channels=3

"""
HALVING = """\
[convolutional]
batch_normalize=1
filters={}
size=3
stride=2
pad=1
activation=leaky

"""
HEAD = """\
[convolutional]
filters=21
size=1
stride=1
pad=1
activation=linear

[yolo]
mask=0,1,2
anchors=8,8, 14,14, 22,22
classes=2
num=3
"""
CFG = INPUT + "".join(map(HALVING.format, (8, 16, 16))) + HEAD
NAMES = ("cat", "dog")


def write_tiny_network(folder: Path, seed: int = 0) -> list[str]:
    """Writes .cfg, .weights and names; returns the overrides that make it the teacher."""
    draw = np.random.default_rng(seed)
    parts = []
    for channels, filters in ((3, 8), (8, 16), (16, 16)):
        parts += [draw.normal(0, 0.1, filters), draw.uniform(0.8, 1.2, filters)]  # beta, gamma
        parts += [draw.normal(0, 0.2, filters), draw.uniform(0.2, 0.6, filters)]  # running mean and variance
        parts += [draw.normal(0, (2 / (9 * channels)) ** 0.5, filters * channels * 9)]
    parts += [np.zeros(21), draw.normal(0, 0.3, 21 * 16)]
    header = struct.pack("<iiiq", 0, 2, 5, 0)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny.cfg").write_text(CFG)
    (folder / "tiny.names").write_text("\n".join(NAMES) + "\n")
    (folder / "tiny.weights").write_bytes(header + np.concatenate(parts).astype("<f4").tobytes())
    keys = ("cfg", "weights", "names")
    return ["detector@teacher=darknet", *(f"teacher.{key}={folder / f'tiny.{key}'}" for key in keys)]


def tiny_network(folder: Path, seed: int = 0) -> Darknet:
    """The same network as an object."""
    write_tiny_network(folder, seed)
    return Darknet(folder / "tiny.cfg", folder / "tiny.weights", folder / "tiny.names")


# The whole recipe in a second: labels grow, images are thrown away, made anew, enlarged.
RESOLUTIONS = [f"schedule.stages.{i}.resolution={resolution}" for i, resolution in enumerate((32, 32, 64))]
SHORT = ["+experiment=yolo_fp", "budget=0.005", *RESOLUTIONS, "num_images=5", "batch_size=2"]
