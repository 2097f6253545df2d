"""Converted networks compute what the file computes, for any number of images of any size."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.onnx import network as subject
from diode_pl.detector.onnx.graph import to_initializers
from diode_pl.detector.onnx.network import build_network, run_stem
from tests.detector.onnx.small_files import BINS, SIDES, make_model, need_package

PATH = Path("some.onnx")


@pytest.fixture(autouse=True)
def converter() -> None:
    need_package()


def prepared(**options: Any) -> Any:
    model = make_model(**options)
    to_initializers(model.graph)
    return model


def insert(model: Any, at: int, *nodes: Any, instead: int = 0) -> None:
    """Puts nodes at a place of the graph, in which they take that of so many."""
    kept = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*kept[:at], *nodes, *kept[at + instead :]])


def find(model: Any, kind: str, which: int = 0) -> tuple[int, Any]:
    """Place and node of a kind."""
    return [(i, node) for i, node in enumerate(model.graph.node) if node.op_type == kind][which]


def refused(model: Any) -> str:
    with pytest.raises(ConfigError) as error:
        build_network(model, PATH, 3)
    assert "\n" not in str(error.value) and str(error.value).startswith("weights: some.onnx ")
    return str(error.value)


FORMS: list[dict[str, bool]] = [{}, {"constants": True}, {"shared": False, "as_maps": True, "probabilities": False}]


@pytest.mark.parametrize("options", FORMS)
def test_it_computes_what_the_file_computes(options: Any) -> None:
    model, images = prepared(**options), torch.rand(1, 3, *SIDES)
    expected = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"image": images.numpy()})
    found = build_network(model, PATH, 3)
    assert (found.step, found.backbone_norms, found.head.bins) == (16, 4, BINS)
    with torch.no_grad():
        maps = list(found.module(images))
    assert [each.shape[1] for each in maps] == [3, 3, 4 * BINS, 4 * BINS, 16, 16]
    if options.get("probabilities", True):
        maps[:2] = [each.sigmoid() for each in maps[:2]]
    for each, wanted in zip(maps[:4], expected, strict=True):
        rows = wanted if options.get("as_maps") else wanted.transpose(0, 2, 1).reshape(each.shape)
        np.testing.assert_allclose(each, rows, rtol=1e-4, atol=1e-5)


def test_gradient_reaches_the_images() -> None:
    images = torch.rand(2, 3, 48, 80, requires_grad=True)
    sum(each.square().mean() for each in build_network(prepared(), PATH, 3).module(images)).backward()
    assert images.grad is not None and bool(images.grad.flatten(1).any(dim=1).all())


def test_the_beginning_runs_at_any_size() -> None:
    module = build_network(prepared(), PATH, 3).module
    assert run_stem(module, torch.rand(2, 3, 21, 38)).shape == (2, 8, 11, 19)


def test_without_upsampling_the_backbone_ends_at_the_finest_map() -> None:
    model = prepared()
    at, resize = find(model, "Resize")  # doubles in another way
    twice = helper.make_node("Concat", [resize.input[0]] * 2, ["twice"], axis=2)
    again = helper.make_node("Concat", ["twice"] * 2, resize.output, axis=3)
    insert(model, at, twice, again, instead=1)
    # Those of the five maps that it reads, and that of its tower.
    assert build_network(model, PATH, 3).backbone_norms == 6


def test_inputs_of_another_kind() -> None:
    model = prepared()
    model.graph.input.append(helper.make_tensor_value_info("scale_factor", TensorProto.FLOAT, [1, 2]))
    said = refused(model)
    assert "has the inputs image (1, 3, 96, 64) of float, scale_factor (1, 2) of float; expected one" in said
    model = prepared()
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    assert "image (1, 3, 96, 64) of uint8; expected one, images of float (1, 3, h, w)" in refused(model)


def test_outputs_of_another_kind_are_listed_with_their_shapes() -> None:
    model = prepared()
    (first, *_) = [each.name for each in model.graph.output]
    del model.graph.output[1:]
    said = refused(model)
    assert f"has the outputs {first} (1, 96, 3); expected those of Generalized Focal Loss (PicoDet, GFL)" in said
    assert "1 outputs are of stride 8" in said


def test_what_onnxruntime_cannot_run() -> None:
    model = prepared()
    model.graph.node[0].input[0] = "nothing"
    assert "cannot be run by onnxruntime" in refused(model)


def test_batch_norm_whose_weights_are_computed() -> None:
    model = prepared()
    at, node = find(model, "BatchNormalization")
    weights, node.input[1] = node.input[1], "computed"
    insert(model, at, helper.make_node("Abs", [weights], ["computed"]))
    said = refused(model)
    assert "has 7 BatchNormalization nodes before its head, of which 6 are of feature maps and have weights" in said


def test_a_graph_for_one_size_alone() -> None:
    model = prepared()
    size = numpy_helper.from_array(np.array([1, 16, 12, 8]), "size")
    model.graph.initializer.append(size)
    at, concat = find(model, "Concat")
    fine, concat.input[1] = concat.input[1], "fixed"
    insert(model, at, helper.make_node("Reshape", [fine, "size"], ["fixed"]))
    assert "runs at no other size than that in the file" in refused(model)


def test_another_result_after_conversion_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(model: Any, path: Path) -> Any:
        module = original(model, path)
        next(layer for layer in module.modules() if isinstance(layer, torch.nn.BatchNorm2d)).eps = 0.1
        return module

    original = subject.convert
    monkeypatch.setattr(subject, "convert", convert)
    said = refused(prepared())
    assert "is computed in another way after conversion: onnxruntime was asked for the same image" in said


def test_rows_in_another_order_are_refused() -> None:
    model = prepared()
    at, reshape = find(model, "Reshape", -1)
    name, reshape.input[0] = reshape.input[0], "columns"
    insert(model, at, helper.make_node("Transpose", [name], ["columns"], perm=[0, 1, 3, 2]))
    assert "is computed in another way" in refused(model)
