"""Graphs in a form that converts."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from diode_pl.detector.onnx.graph import cut, keep_batches, producers, read_inputs, to_initializers, walk_up
from tests.detector.onnx.small_files import SIDES, make_model

IMAGE = np.random.default_rng(0).random((1, 3, *SIDES), dtype=np.float32)


def run(model: onnx.ModelProto, images: np.ndarray = IMAGE) -> list[np.ndarray]:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"image": images})


def test_constants_become_initializers_and_nothing_else_changes() -> None:
    model = make_model(constants=True)
    before = run(model)
    assert not model.graph.initializer
    to_initializers(model.graph)
    assert "Constant" not in {node.op_type for node in model.graph.node} and len(model.graph.initializer) > 30
    for found, expected in zip(run(model), before, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_weights_that_are_passed_on_become_initializers() -> None:
    node = helper.make_node("Identity", ["a"], ["b"])
    uses = [helper.make_node("Identity", ["b"], ["c"]), helper.make_node("Add", ["x", "c"], ["y"])]
    graph = helper.make_graph([node, *uses], "g", [], [], [numpy_helper.from_array(np.ones(2), "a")])
    to_initializers(graph)
    assert [each.op_type for each in graph.node] == ["Add"] and {each.name for each in graph.initializer} == set("abc")


def test_what_a_resize_node_leaves_out_is_no_weight() -> None:
    model = make_model()
    to_initializers(model.graph)
    (node,) = [node for node in model.graph.node if node.op_type == "Resize"]
    assert node.input[1] == "" and len(node.input) == 3


def test_shapes_of_one_image_become_those_of_any_number() -> None:
    model = make_model()
    (before, twice) = run(model), np.concatenate([IMAGE, 1 - IMAGE])
    keep_batches(model.graph)
    for found, expected in zip(run(model), before, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    for together, alone in zip(run(model, twice), run(model, 1 - IMAGE), strict=True):
        assert len(together) == 2
        np.testing.assert_allclose(together[1:], alone, rtol=1e-5, atol=1e-6)


def test_a_shape_that_begins_with_another_number_stays() -> None:
    shapes = [numpy_helper.from_array(np.array(shape), name) for shape, name in (([2, -1], "a"), ([1], "b"))]
    nodes = [helper.make_node("Reshape", ["x", name], [f"y{name}"]) for name in "ab"]
    graph = helper.make_graph(nodes, "g", [], [], shapes)
    keep_batches(graph)
    assert [node.input[1] for node in graph.node] == ["a", "b"]


def test_a_part_of_a_graph_has_the_values_in_the_order_that_is_asked_for() -> None:
    model = make_model()
    made_by = producers(model.graph)
    lines = [[(value, node.op_type) for value, node in walk_up(each.name, made_by)] for each in model.graph.output]
    kinds = [kind for _, kind in lines[0]]
    assert kinds[:5] == ["Transpose", "Reshape", "Sigmoid", "Split", "Conv"] and kinds[-1] == "Conv"
    inner, outer = lines[0][3][0], model.graph.output[0].name
    part = cut(model, [inner, outer, inner])
    found = run(part)
    assert [each.shape for each in found] == [(1, 3, 12, 8), (1, 96, 3), (1, 3, 12, 8)]
    rows = 1 / (1 + np.exp(-found[0].reshape(1, 3, -1).transpose(0, 2, 1)))
    np.testing.assert_allclose(rows, found[1], rtol=1e-5)
    assert "Sigmoid" in {node.op_type for node in part.graph.node} and len(part.graph.node) < len(model.graph.node)
    assert [each.name for each in model.graph.output] == [each[0][0] for each in lines]


def test_a_value_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="were not found"):
        cut(make_model(), ["nothing"])


def test_inputs_are_those_that_are_no_weights() -> None:
    model = make_model()
    weight = model.graph.initializer[0]
    model.graph.input.append(helper.make_tensor_value_info(weight.name, TensorProto.FLOAT, weight.dims))
    assert read_inputs(model.graph) == {"image": (TensorProto.FLOAT, [1, 3, *SIDES])}
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"
    assert read_inputs(model.graph)["image"][1] == [1, 3, 0, SIDES[1]]
