"""Small networks of the package ultralytics; tests that want them are skipped where it is absent."""

import copy
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from diode_pl.detector.ultralytics.detector import Ultralytics
from diode_pl.detector.ultralytics.package import Package, load_package

_SCALE = [0.33, 0.0625, 1024]  # depth, width and most channels
# Two maps, of strides 8 and 16, on a few of the layers of YOLO11.
_ROWS = [
    [-1, 1, "Conv", [8, 3, 2]],
    [-1, 1, "Conv", [16, 3, 2]],
    [-1, 1, "Conv", [16, 3, 2]],
    [-1, 1, "C3k2", [16, False, 0.5]],
    [-1, 1, "Conv", [24, 3, 2]],
    [-1, 1, "nn.Upsample", [None, 2, "nearest"]],
    [[-1, 3], 1, "Concat", [1]],
    [-1, 1, "C3k2", [16, False, 0.5]],
    [[7, 4], 1, "Detect", ["nc"]],
]
NAMES = ("cat", "dog", "cup")


def need_package() -> Package:
    """The package, or no test."""
    if find_spec("ultralytics") is None:  # not imported here, which would replace functions of other libraries
        pytest.skip("needs the package ultralytics: make setup")
    return load_package()


def description(name: str) -> dict[str, Any]:
    """What the package says of one of its networks, at a sixteenth of the width."""
    return {**need_package().read_description(name), "scale": "n", "scales": {"n": _SCALE}}


def tiny_model(bins: int = 16) -> dict[str, Any]:
    """The description of nine layers of the package; ``bins`` are those of the distribution of a distance."""
    return {"nc": 80, "reg_max": bins, "backbone": _ROWS[:5], "head": _ROWS[5:]}


def tiny(weights: Path | None, names: Sequence[str] | None, assignment: str = "guided", bins: int = 16) -> Ultralytics:
    """A detector with these layers; with one bin as in YOLO26."""
    need_package()
    return Ultralytics(weights, tiny_model(bins), names, assignment=assignment)


def shrunk(name: str, weights: Path | None, names: Sequence[str] | None) -> Ultralytics:
    """A detector with the small form of a network of the package."""
    return Ultralytics(weights, description(name), names)


def write_best(path: Path, model: str | dict[str, Any] = "yolo11n.yaml", **changes: Any) -> Any:
    """Writes what the package writes at the end of a training, with random weights; returns the network in it.

    Args:
        path: of the file.
        model: name of one of its networks, which is shrunk, or a description.
        changes: further entries of the file.
    """
    described = description(model) if isinstance(model, str) else copy.deepcopy(model)
    network: Any = need_package().network({**described, "nc": len(NAMES)}, verbose=False)
    network.names = dict(enumerate(NAMES))
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    network.half().eval()
    content = {"date": "2026-01-01", "version": "8.4.0", "epoch": -1, "best_fitness": None, "model": network}
    torch.save({**content, "ema": None, "optimizer": None, "train_args": {"imgsz": 64}, **changes}, path)
    return network.float()
