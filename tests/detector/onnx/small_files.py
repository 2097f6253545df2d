"""Small ONNX files with a head of Generalized Focal Loss, and detectors from them."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from diode_pl.detector import Onnx

NAMES = ("cat", "dog", "cup")
BINS = 6
SIDES = (96, 64)  # height and width in the file


def need_package() -> None:
    """The package, or no test."""
    if find_spec("onnx2torch") is None:
        pytest.skip("needs the package onnx2torch: make setup")


class Graph:
    """Nodes and weights as they are added; each method returns the name of its value.

    Args:
        constants: writes the weights as Constant nodes, as Paddle's exporter does.
        folded: leaves out batch norm.
    """

    def __init__(self, constants: bool = False, folded: bool = False) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self._constants, self._folded = constants, folded

    def add(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        names = [f"{kind}{len(self.nodes)}.{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0]

    def weight(self, values: Any, dtype: type = np.float32) -> str:
        array = np.asarray(values.numpy() if isinstance(values, torch.Tensor) else values, dtype)
        name = f"weight{len(self.nodes) + len(self.initializers)}"
        if self._constants:
            self.nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array)))
        else:
            self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def conv(self, x: str, inputs: int, outputs: int, stride: int = 1, side: int = 3, bias: bool = False) -> str:
        weights = [self.weight(torch.randn(outputs, inputs, side, side) * (2 / (inputs * side * side)) ** 0.5)]
        weights += [self.weight(torch.rand(outputs))] if bias else []
        pads, strides = [side // 2] * 4, [stride, stride]
        return self.add("Conv", x, *weights, kernel_shape=[side, side], strides=strides, pads=pads)

    def norm(self, x: str, channels: int) -> str:
        if self._folded:
            return x
        scale, variance = torch.rand(2, channels) + 0.5
        shift, mean = torch.randn(2, channels) * 0.1
        return self.add("BatchNormalization", x, *map(self.weight, (scale, shift, mean, variance)), epsilon=1e-5)

    def block(self, x: str, inputs: int, outputs: int, stride: int = 1, hard_swish: bool = False) -> str:
        x = self.norm(self.conv(x, inputs, outputs, stride), outputs)
        if not hard_swish:
            return self.add("Relu", x)
        low, high = self.weight(0.0), self.weight(6.0)
        clipped = self.add("Clip", self.add("Add", x, self.weight(3.0)), low, high)
        return self.add("Div", self.add("Mul", x, clipped), self.weight(6.0))

    def attend(self, x: str, channels: int) -> str:
        """Squeeze and excitation, with shapes of one image."""
        flat = self.add("Reshape", self.add("GlobalAveragePool", x), self.weight([1, channels], np.int64))
        linear = self.add(
            "Gemm", flat, self.weight(torch.randn(channels, channels) * 0.5), self.weight(torch.zeros(channels))
        )
        shape = self.weight([1, channels, 1, 1], np.int64)
        return self.add("Mul", x, self.add("Reshape", self.add("Sigmoid", linear), shape))


def make_model(
    constants: bool = False,
    folded: bool = False,
    probabilities: bool = True,
    shared: bool = True,
    as_maps: bool = False,
    attention: bool = True,
    bins: int = BINS,
    names: Sequence[str] | None = NAMES,
) -> Any:
    """An ONNX model with random weights and two maps, of strides 8 and 16, for one image.

    Args:
        constants: writes the weights as Constant nodes, as Paddle's exporter does.
        folded: leaves out batch norm.
        probabilities: whether scores are behind a sigmoid.
        shared: whether one convolution gives scores and boxes, else each has its own.
        as_maps: gives maps, not rows of cells.
        attention: whether there is a layer whose shapes are written into the graph.
        bins: of the distribution of a distance.
        names: class names in the metadata; None: none are stated, and there are three classes.
    """
    graph, classes = Graph(constants, folded), len(names or NAMES)
    x = graph.block("image", 3, 8, 2)
    x = graph.block(x, 8, 16, 2)
    fine = graph.block(x, 16, 16, 2, hard_swish=True)
    fine = graph.attend(fine, 16) if attention else fine
    coarse = graph.block(fine, 16, 24, 2)
    scales = graph.weight([1, 1, 2, 2])
    empty = graph.weight(np.zeros(0))  # as Paddle writes what it leaves out
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    larger = graph.add("Resize", coarse, empty, scales, **how)
    fine = graph.block(graph.add("Concat", larger, fine, axis=1), 40, 16)
    scores, boxes = [], []
    for feature, channels in ((fine, 16), (coarse, 24)):
        tower, widths = graph.block(feature, channels, 16), (classes, 4 * bins)
        if shared:
            both = graph.conv(tower, 16, sum(widths), side=1, bias=True)
            score = graph.add("Split", both, graph.weight(widths, np.int64), axis=1, outputs=2)
            box = score[:-1] + "1"
        else:
            score, box = (graph.conv(tower, 16, width, side=1, bias=True) for width in widths)
        score = graph.add("Sigmoid", score) if probabilities else score
        for maps, value, width in ((scores, score, classes), (boxes, box, 4 * bins)):
            if not as_maps:
                rows = graph.add("Reshape", value, graph.weight([1, width, -1], np.int64))
                value = graph.add("Transpose", rows, perm=[0, 2, 1])
            maps.append(value)
    inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, *SIDES])]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in scores + boxes]
    made = helper.make_graph(graph.nodes, "small", inputs, outputs, graph.initializers)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    if names is not None:
        helper.set_model_props(model, {"character": "\n".join(names)})
    return model


def write_model(path: Path, **options: Any) -> Path:
    """Writes :func:`make_model`."""
    onnx.save(make_model(**options), path)
    return path


def small_onnx(weights: Path | None, names: Sequence[str] | None, assignment: str = "guided", **options: Any) -> Onnx:
    """A detector from such a file with random weights, for ``weights=None`` alone: they come with the file."""
    need_package()
    assert weights is None
    with TemporaryDirectory() as folder:
        path = write_model(Path(folder, "small.onnx"), names=names or NAMES, **options)
        return Onnx(path, assignment=assignment)
