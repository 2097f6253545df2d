"""What happens where the package is absent, or does not know an operator."""

import sys
from pathlib import Path

import pytest
import torch
from onnx import helper

from diode_pl.detector import Onnx
from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.onnx.graph import to_initializers
from diode_pl.detector.onnx.package import convert
from tests.detector.onnx.small_files import make_model, need_package, write_model


def test_an_absent_package_is_named_in_one_line_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "onnx2torch"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx2torch", None)
    with pytest.raises(ConfigError) as error:
        Onnx(write_model(tmp_path / "a.onnx"))
    assert "pip install 'onnx2torch>=1.5.15' installs it" in str(error.value) and "\n" not in str(error.value)


def test_operators_that_it_does_not_know_are_named() -> None:
    need_package()
    model = make_model()
    to_initializers(model.graph)
    name = model.graph.output[0].name
    model.graph.node.append(helper.make_node("Hardmax", [name], ["a"]))
    model.graph.node.append(helper.make_node("Rfft", ["a"], ["b"], domain="com.microsoft"))
    with pytest.raises(
        ConfigError, match="operators that onnx2torch does not know in opset 13: Hardmax, com.microsoft.Rfft"
    ):
        convert(model, "a.onnx")


def test_newer_opsets_have_a_way_out() -> None:
    need_package()
    model = make_model()
    to_initializers(model.graph)
    model.opset_import[0].version = 20
    with pytest.raises(ConfigError, match="in opset 20: Reshape, Resize, Split; export it with opset_version=17"):
        convert(model, "a.onnx")


def test_what_it_cannot_convert_is_one_line() -> None:
    need_package()
    model = make_model(constants=True)  # weights that it does not find
    with pytest.raises(ConfigError, match=r"^weights: a\.onnx cannot be converted by onnx2torch \(KeyError: .*\)$"):
        convert(model, "a.onnx")


def test_batch_norm_becomes_a_layer_of_torch() -> None:
    need_package()
    model = make_model()
    to_initializers(model.graph)
    layers = [layer for layer in convert(model, "a.onnx").modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    assert len(layers) == 7
