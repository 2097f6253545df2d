"""Graphs of ONNX files: looked through, and brought into a form that converts."""

from collections.abc import Iterator

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper


def to_initializers(graph: GraphProto) -> None:
    """Makes initializers of constants that nodes give: exporters such as Paddle's write all weights so.

    PyTorch's gives equal weights once, and passes them on by Identity nodes, which become initializers too. Inputs that
    are constants without a number, as Paddle's for the region of a Resize node, are left out.
    """
    known, kept = {tensor.name: tensor for tensor in graph.initializer}, []
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            given = node.attribute[0].t
        elif node.op_type == "Identity" and node.input[0] in known:
            given = known[node.input[0]]
        else:
            kept.append(node)
            continue
        known[node.output[0]] = tensor = TensorProto()
        tensor.CopyFrom(given)
        tensor.name = node.output[0]
        graph.initializer.append(tensor)
    del graph.node[:]
    graph.node.extend(kept)
    empty = {name for name, tensor in known.items() if 0 in tensor.dims}
    for node in graph.node:
        if node.op_type == "Resize":
            node.input[:] = ["" if name in empty else name for name in node.input]


def keep_batches(graph: GraphProto) -> None:
    """Lets Reshape nodes with a constant shape keep the number of images: a leading 1 becomes 0, which copies it."""
    values = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type != "Reshape" or node.input[1] not in values:
            continue
        shape = numpy_helper.to_array(values[node.input[1]]).copy()
        if len(shape) > 1 and shape[0] == 1:
            shape[0] = 0
            name = f"{node.output[0]}/shape"  # another node may have the same one
            graph.initializer.append(numpy_helper.from_array(shape, name))
            node.input[1] = name


def producers(graph: GraphProto) -> dict[str, NodeProto]:
    """The node that gives each value."""
    return {name: node for node in graph.node for name in node.output if name}


def walk_up(value: str, made_by: dict[str, NodeProto]) -> Iterator[tuple[str, NodeProto]]:
    """Values from ``value`` on along the first inputs of their nodes, each with its node, up to an input."""
    while value in made_by:
        node = made_by[value]
        yield value, node
        if not node.input:
            return
        value = node.input[0]


def cut(model: ModelProto, values: list[str]) -> ModelProto:
    """The part of a model that computes ``values``, which become its outputs in this order.

    Args:
        model: it stays as it is.
        values: inner values or outputs; one may be asked for twice.

    Raises:
        KeyError, ValueError, RuntimeError: if shapes cannot be inferred.
    """
    whole = ModelProto()
    whole.CopyFrom(model)
    names = [f"cut/{i}" for i in range(len(values))]
    # A converter sees nodes, of which each gives one output.
    whole.graph.node.extend(
        helper.make_node("Identity", [value], [name]) for value, name in zip(values, names, strict=True)
    )
    inferred = onnx.shape_inference.infer_shapes(whole)
    return onnx.utils.Extractor(inferred).extract_model(list(read_inputs(whole.graph)), names)


def read_inputs(graph: GraphProto) -> dict[str, tuple[int, list[int]]]:
    """Element type and shape of each input that is not a weight, 0 for sizes that are open, by name."""
    initial, found = {tensor.name for tensor in graph.initializer}, {}
    for each in graph.input:
        if each.name not in initial:
            kind = each.type.tensor_type
            found[each.name] = kind.elem_type, [max(size.dim_value, 0) for size in kind.shape.dim]
    return found
