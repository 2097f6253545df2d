"""What is refused before anything is converted, each in one line with the way out."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.onnx.file import read_model
from tests.detector.onnx.small_files import make_model, write_model


def refused(path: Path) -> str:
    with pytest.raises(ConfigError) as error:
        read_model(path)
    assert "\n" not in str(error.value) and str(error.value).startswith("weights: ")
    return str(error.value)


@pytest.mark.parametrize("constants", [False, True])
def test_weights_are_initializers_wherever_they_stood(tmp_path: Path, constants: bool) -> None:
    model = read_model(write_model(tmp_path / "a.onnx", constants=constants))
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("BatchNormalization") == 7 and "Constant" not in kinds
    assert {numpy_helper.to_array(each).size for each in model.graph.initializer} > {1, 8, 16}


def test_a_file_with_folded_batch_norm_is_refused_with_the_explanation(tmp_path: Path) -> None:
    said = refused(write_model(tmp_path / "a.onnx", folded=True))
    assert "has no BatchNormalization nodes" in said and "folded into the convolutions when it was exported" in said
    assert "training=torch.onnx.TrainingMode.PRESERVE" in said


def test_batch_norm_in_training_mode(tmp_path: Path) -> None:
    model = make_model()
    node = next(node for node in model.graph.node if node.op_type == "BatchNormalization")
    node.attribute.append(helper.make_attribute("training_mode", 1))
    onnx.save(model, tmp_path / "a.onnx")
    assert "in training mode" in refused(tmp_path / "a.onnx")


def test_files_that_are_none(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "a.onnx")
    (tmp_path / "a.pt").write_bytes(b"a")
    assert "has the suffix '.pt'; expected an .onnx file" in refused(tmp_path / "a.pt")
    for content in (b"", b"rubbish" * 99, b"\x08\x08", np.random.default_rng(0).bytes(999)):
        (tmp_path / "b.onnx").write_bytes(content)
        assert "damaged or no ONNX file" in refused(tmp_path / "b.onnx")
    whole = write_model(tmp_path / "c.onnx").read_bytes()
    (tmp_path / "c.onnx").write_bytes(whole[: len(whole) // 2])
    assert "damaged or no ONNX file" in refused(tmp_path / "c.onnx")


def test_a_graph_without_weights(tmp_path: Path) -> None:
    model = make_model()
    del model.graph.initializer[:]
    onnx.save(model, tmp_path / "a.onnx")
    assert "holds no weights, neither initializers nor Constant nodes" in refused(tmp_path / "a.onnx")


@pytest.mark.parametrize("constants", [False, True])
def test_weights_in_other_files(tmp_path: Path, constants: bool) -> None:
    model = make_model(constants=constants)
    expected = make_model(constants=constants)
    expected.CopyFrom(model)
    options = {"save_as_external_data": True, "size_threshold": 0, "convert_attribute": True}
    onnx.save(model, tmp_path / "a.onnx", location="a.data", **options)
    found = read_model(tmp_path / "a.onnx")
    kept = {each.name: numpy_helper.to_array(each) for each in found.graph.initializer}
    for each in expected.graph.initializer:
        np.testing.assert_array_equal(kept[each.name], numpy_helper.to_array(each))
    whole = (tmp_path / "a.data").read_bytes()
    (tmp_path / "a.data").write_bytes(whole[:99])
    assert "the files that" in refused(tmp_path / "a.onnx")
    (tmp_path / "a.data").unlink()
    assert "keeps its weights in a.data, which is not beside it" in refused(tmp_path / "a.onnx")
