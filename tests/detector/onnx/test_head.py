"""Forms of outputs that are recognized, and those that are not."""

from typing import Any

import numpy as np
import pytest
import torch
from onnx import helper, numpy_helper

from diode_pl.detector.onnx.graph import to_initializers
from diode_pl.detector.onnx.head import Head, class_weights, recognize_head
from tests.detector.onnx.small_files import BINS, SIDES, make_model

CELLS = {8: 12 * 8, 16: 6 * 4}


def shapes_of(model: Any, classes: int = 3, codes: int = 4 * BINS, as_maps: bool = False) -> dict[str, tuple[int, ...]]:
    names = [each.name for each in model.graph.output]
    sizes = [(stride, width) for width in (classes, codes) for stride in CELLS]
    rows = [(1, CELLS[stride], width) for stride, width in sizes]
    maps = [(1, width, SIDES[0] // stride, SIDES[1] // stride) for stride, width in sizes]
    return dict(zip(names, maps if as_maps else rows, strict=True))


def recognize(classes: int | None = 3, **options: Any) -> tuple[Any, Head]:
    model = make_model(**options)
    to_initializers(model.graph)
    return model, recognize_head(model, shapes_of(model, as_maps=options.get("as_maps", False)), SIDES, classes)


@pytest.mark.parametrize("probabilities", [True, False])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("as_maps", [True, False])
def test_forms_that_are_recognized(probabilities: bool, shared: bool, as_maps: bool) -> None:
    model, head = recognize(probabilities=probabilities, shared=shared, as_maps=as_maps)
    assert (head.classes, head.bins, head.probabilities) == (3, BINS, probabilities)
    assert [level.stride for level in head.levels] == [8, 16]
    made_by = {name: node for node in model.graph.node for name in node.output}
    for level, outputs in zip(head.levels, zip(*[iter(model.graph.output)] * 2, strict=True), strict=True):
        assert outputs[0].name != level.box_output
        for value in (level.scores, level.boxes):
            assert made_by[value].op_type == ("Split" if shared else "Conv")
        assert made_by[level.features].op_type == "Relu"
        users = [node for node in model.graph.node if level.features in node.input]
        assert len(users) == (1 if shared else 2) and {node.op_type for node in users} == {"Conv"}
    assert [level.score_output for level in head.levels] == [each.name for each in model.graph.output[:2]]


@pytest.mark.parametrize("shared", [True, False])
def test_weights_of_classes_are_those_of_the_channels_of_scores(shared: bool) -> None:
    model, head = recognize(shared=shared)
    weights = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    widths = (3, 3 + 4 * BINS) if not shared else (3 + 4 * BINS,)
    last = [
        weights[node.input[1]]
        for node in model.graph.node
        if node.op_type == "Conv" and weights[node.input[1]].shape[0] in widths and len(node.input) == 3
    ]
    expected = np.concatenate([each[:3].reshape(3, -1) for each in last], axis=1)
    found = class_weights(model, head)
    assert found is not None and torch.equal(found, torch.from_numpy(expected.copy()))


def test_classes_after_boxes_in_the_channels() -> None:
    model, head = recognize()
    for node in model.graph.node:
        if node.op_type == "Split":  # the other way round, as far as names go
            node.output[:] = reversed(node.output)
            sizes = numpy_helper.from_array(np.array([4 * BINS, 3]), f"{node.output[0]}/sizes")
            model.graph.initializer.append(sizes)
            node.input[1] = sizes.name
    found, first = class_weights(model, head), class_weights(*recognize())
    assert found is not None and first is not None and found.shape == first.shape and not torch.equal(found, first)


def test_channels_that_cannot_be_followed() -> None:
    model, head = recognize()
    for node in model.graph.node:
        if node.op_type == "Split":
            node.attribute[0].CopyFrom(helper.make_attribute("axis", 2))
    assert class_weights(model, head) is None


def refused(shapes: Any = None, classes: int | None = 3, size: tuple[int, int] = SIDES, **options: Any) -> str:
    model = make_model(**options)
    to_initializers(model.graph)
    with pytest.raises(ValueError) as error:
        recognize_head(model, shapes or shapes_of(model), size, classes)
    return str(error.value)


def test_forms_that_are_not() -> None:
    names = list(shapes_of(make_model()))
    one = {names[0]: (1, 120, 7)}
    assert "the cells of" in refused(one) and "are those of no stride among 4, 8, 16" in refused(one)
    assert "of another kind" in refused({names[0]: (100, 6)}) and "of another kind" in refused({names[0]: (2, 96, 3)})
    assert "3 outputs are of stride 8" in refused(dict.fromkeys(names[:3], (1, 96, 3)))
    assert "cells of" in refused(size=(640, 640))
    model = make_model()
    few = shapes_of(model, codes=4)
    assert "has 4 numbers a cell, not four distributions of at least 2 bins" in refused(few)
    uneven = shapes_of(model) | {names[3]: (1, CELLS[16], 40)}
    assert "the strides differ" in refused(uneven)


def test_scores_and_boxes_of_the_same_width() -> None:
    """Behind no sigmoid, numbers of names tell them apart; without names, a number that is no multiple of four."""
    options = {"probabilities": False, "names": tuple("abcdefgh"), "bins": 4}
    shapes = shapes_of(make_model(**options), 8, 16)
    said = refused(shapes, None, **options)
    assert "cannot be told apart" in said and "names=FILE may say so" in said
    model = make_model(**options)
    to_initializers(model.graph)
    assert recognize_head(model, shapes, SIDES, 8).classes == 8
    _, head = recognize(classes=None, probabilities=False)
    assert head.classes == 3


def test_other_activations() -> None:
    model = make_model()
    to_initializers(model.graph)
    for node in model.graph.node:
        if node.op_type == "Transpose":
            soft = node.input[0]
            node.input[0] = f"{soft}/soft"
            model.graph.node.append(helper.make_node("Softmax", [soft], [f"{soft}/soft"]))
            break
    with pytest.raises(ValueError, match="comes from Softmax"):
        recognize_head(model, shapes_of(model), SIDES, 3)
