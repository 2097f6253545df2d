"""The installed package onnx2torch; nothing else imports it."""

from typing import Any

from onnx import ModelProto

from diode_pl.detector.darknet.cfg import ConfigError

_NEWEST = 17  # opset of which the package knows most operators


def convert(model: ModelProto, path: Any) -> Any:
    """Converts a graph to a module of torch, whose weights are its parameters.

    Args:
        model: its weights are initializers.
        path: of its file, for error messages.

    Raises:
        ConfigError: if the package is not installed, or does not know an operator.
    """
    try:
        from onnx2torch import convert as run
        from onnx2torch.node_converters import get_converter
    except ImportError as error:
        raise ConfigError(
            f"the package onnx2torch cannot be imported ({error}); pip install 'onnx2torch>=1.5.15' installs it, under "
            "Apache-2.0"
        ) from error
    versions, unknown = {each.domain: each.version for each in model.opset_import}, []
    for node in model.graph.node:
        try:
            get_converter(node.op_type, versions.get(node.domain, 0), node.domain)
        except NotImplementedError:
            unknown.append(f"{node.domain}.{node.op_type}".removeprefix("."))
    if unknown:
        opset = versions.get("", 0)
        way_out = f"; export it with opset_version={_NEWEST}" if opset > _NEWEST else ""
        raise ConfigError(
            f"weights: {path} has operators that onnx2torch does not know in opset {opset}: "
            f"{', '.join(sorted(set(unknown)))}{way_out}"
        )
    try:
        return run(model)
    except Exception as error:  # of whatever node
        reason = str(error).strip().partition("\n")[0]
        raise ConfigError(
            f"weights: {path} cannot be converted by onnx2torch ({type(error).__name__}: {reason})"
        ) from error
