"""Heads of Generalized Focal Loss, recognized by the outputs of a graph."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from onnx import ModelProto, NodeProto, helper, numpy_helper
from torch import Tensor

from diode_pl.detector.onnx.graph import producers, walk_up

_STRIDES = (4, 8, 16, 32, 64, 128)
_LAYOUT = ("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity")
_OTHER_ENDS = ("Softmax", "LogSoftmax", "HardSigmoid", "Exp", "Softplus", "Tanh", "Relu")
_PLAIN = ("Add", "Mul", "Div", "Sub")  # channel by channel
EXPECTED = (
    "expected those of Generalized Focal Loss (PicoDet, GFL) before non-maximum suppression: for each stride class "
    "scores (1, cells, classes) and the logits of distances (1, cells, 4 x bins), or both as maps (1, channels, h, w)"
)


class Level(NamedTuple):
    """What belongs to one stride.

    Args:
        stride: pixels per cell.
        scores: inner value of class logits, a map (n, classes, h, w).
        boxes: inner value of the logits of distances, a map (n, 4 x bins, h, w).
        features: inner value that enters both.
        score_output: name of the output of scores.
        box_output: name of the output of boxes.
    """

    stride: int
    scores: str
    boxes: str
    features: str
    score_output: str
    box_output: str


class Head(NamedTuple):
    """A head of Generalized Focal Loss.

    Args:
        levels: finest first.
        classes: number of classes.
        bins: numbers of which each distance has a distribution.
        probabilities: whether the outputs of scores are probabilities; logits otherwise.
    """

    levels: list[Level]
    classes: int
    bins: int
    probabilities: bool


class _Output(NamedTuple):
    name: str
    cells: int
    width: int
    inner: str
    end: NodeProto
    sigmoid: bool


def recognize_head(
    model: ModelProto, shapes: Mapping[str, Sequence[int]], size: tuple[int, int], classes: int | None
) -> Head:
    """Finds the parts of the head from which the outputs come.

    Whether scores are probabilities is read from the graph: they are behind a sigmoid.

    Args:
        model: the graph.
        shapes: of each output for one image.
        size: height and width of that image in pixels.
        classes: number of class names; None if it is not known.

    Raises:
        ValueError: if the outputs are of another form; the message says what was found.
    """
    made_by, others = producers(model.graph), set()
    levels: dict[int, list[_Output]] = {}
    for name, shape in shapes.items():
        output = _describe(name, tuple(shape), made_by)
        if output is None:
            raise ValueError(f"{name} is of another kind")
        levels.setdefault(output.cells, []).append(output)
    strides = {_count_cells(size, stride): stride for stride in reversed(_STRIDES)}
    if unknown := [outputs[0].name for cells, outputs in levels.items() if cells not in strides]:
        raise ValueError(f"the cells of {unknown[0]} are those of no stride among {', '.join(map(str, _STRIDES))}")
    found = []
    for cells in sorted(levels, reverse=True):
        if len(levels[cells]) != 2:
            raise ValueError(f"{len(levels[cells])} outputs are of stride {strides[cells]}")
        scores, boxes = _tell_apart(levels[cells], classes)
        for each in (scores, boxes):
            if each.end.op_type in _OTHER_ENDS or (each is boxes and boxes.sigmoid):
                raise ValueError(f"{each.name} comes from {'Sigmoid' if each.sigmoid else each.end.op_type}")
        others.add((scores.width, boxes.width, scores.sigmoid))
        common = _common_input(scores.inner, boxes.inner, made_by)
        found.append(Level(strides[cells], scores.inner, boxes.inner, common, scores.name, boxes.name))
    if len(others) != 1:
        raise ValueError("the strides differ in numbers of classes or bins, or in whether scores are behind a sigmoid")
    ((width, codes, sigmoid),) = others
    if codes % 4 or codes < 8:
        raise ValueError(f"{found[0].box_output} has {codes} numbers a cell, not four distributions of at least 2 bins")
    return Head(found, width, codes // 4, sigmoid)


def class_weights(model: ModelProto, head: Head) -> Tensor | None:
    """Weights of each class in the last convolutions, (classes, d); None if channels cannot be followed to them."""
    made_by, found = producers(model.graph), []
    values = {tensor.name: tensor for tensor in model.graph.initializer}
    for level in head.levels:
        first = 0
        for value, node in walk_up(level.scores, made_by):
            if node.op_type == "Split":
                sizes = _split_sizes(node, values)
                if not sizes:
                    return None
                first += sum(sizes[: list(node.output).index(value)])
            elif node.op_type == "Conv":
                if node.input[1] not in values:
                    return None
                weights = torch.from_numpy(numpy_helper.to_array(values[node.input[1]]).copy())
                found.append(weights[first : first + head.classes].flatten(1))
                break
            elif node.op_type not in _PLAIN:
                return None
    same = len(found) == len(head.levels) and all(len(each) == head.classes for each in found)
    return torch.cat(found, dim=1) if same else None


def _describe(name: str, shape: tuple[int, ...], made_by: dict[str, NodeProto]) -> _Output | None:
    """An output of one image, followed up to where its layout is changed."""
    if len(shape) not in (3, 4) or shape[0] != 1:
        return None
    cells, width = shape[1:] if len(shape) == 3 else (shape[2] * shape[3], shape[1])
    sigmoid = False
    for value, node in walk_up(name, made_by):
        if node.op_type == "Sigmoid":
            sigmoid = True
        elif node.op_type not in _LAYOUT:
            return _Output(name, cells, width, value, node, sigmoid)
    return None


def _tell_apart(pair: Sequence[_Output], classes: int | None) -> tuple[_Output, _Output]:
    """Scores and boxes of a stride."""
    a, b = pair
    if a.sigmoid != b.sigmoid:
        return (a, b) if a.sigmoid else (b, a)
    for known in ([each.width == classes for each in pair], [each.width % 4 != 0 for each in pair]):
        if known[0] != known[1]:
            return (a, b) if known[0] else (b, a)
    raise ValueError(f"{a.name} and {b.name} cannot be told apart: which has the scores? names=FILE may say so")


def _count_cells(size: tuple[int, int], stride: int) -> int:
    return -(-size[0] // stride) * -(-size[1] // stride)


def _common_input(scores: str, boxes: str, made_by: dict[str, NodeProto]) -> str:
    """The last value that enters the last convolutions of both."""
    lines = []
    for value in (scores, boxes):
        line = list(walk_up(value, made_by))
        last = next((i for i, (_, node) in enumerate(line) if node.op_type == "Conv"), None)
        if last is None:
            raise ValueError(f"{value} comes from no convolution")
        lines.append([line[last][1].input[0], *(name for name, _ in line[last + 2 :])])
    common = next((value for value in lines[0] if value in lines[1]), None)
    if common is None or common not in made_by:
        raise ValueError(f"no feature map enters both {scores} and {boxes}")
    return common


def _split_sizes(node: NodeProto, values: Mapping[str, object]) -> list[int]:
    """Channels of each output of a Split node; empty if it does not split channels, or does not say."""
    given = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    if given.get("axis", 0) not in (1, -3):
        return []
    if len(node.input) > 1 and node.input[1] in values:
        return list(map(int, numpy_helper.to_array(values[node.input[1]])))  # type: ignore[arg-type]
    return list(given.get("split", []))
