"""Reading of ONNX files."""

from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto, external_data_helper

from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.onnx.graph import to_initializers
from diode_pl.io.text_files import describe_no_file

NORM = "BatchNormalization"
HOW_TO_KEEP = (
    "export it again with them, as torch.onnx.export(..., dynamo=False, training=torch.onnx.TrainingMode.PRESERVE, "
    "do_constant_folding=False, opset_version=17) of the network in eval mode does (docs/onnx_teacher.md)"
)


def read_model(path: str | Path) -> ModelProto:
    """Reads an ONNX file whose batch norm layers are still there, with all weights as initializers.

    Args:
        path: of the file; weights that it keeps outside are read from the files beside it that it names.

    Raises:
        ConfigError: if the file does not exist or is no ONNX file, files of its weights are missing, it has no weights,
            or its batch norm was folded into the convolutions.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"weights: {describe_no_file(path)}")
    if path.suffix.lower() != ".onnx":
        raise ConfigError(f"weights: {path} has the suffix {path.suffix or 'of no kind'!r}; expected an .onnx file")
    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, ValueError, RuntimeError) as error:
        raise ConfigError(f"weights: {path} is damaged or no ONNX file ({_first_line(error)})") from error
    if not model.graph.node or not model.graph.input or not model.graph.output:
        raise ConfigError(f"weights: {path} is damaged or no ONNX file (it holds no graph)")
    _load_outside(model, path)
    to_initializers(model.graph)
    kinds = [node.op_type for node in model.graph.node]
    if not model.graph.initializer:
        raise ConfigError(f"weights: {path} holds no weights, neither initializers nor Constant nodes")
    if NORM not in kinds:
        raise ConfigError(
            f"weights: {path} has no {NORM} nodes among its {len(kinds)}: they were folded into the convolutions when "
            "it was exported, and with them went the statistics that make images look natural, which cannot be "
            f"recovered; {HOW_TO_KEEP}"
        )
    modes = [entry.i for node in model.graph.node for entry in node.attribute if entry.name == "training_mode"]
    if any(modes):
        raise ConfigError(
            f"weights: {path} was exported in training mode, so that its batch norm computes with the statistics of "
            f"each batch; {HOW_TO_KEEP}"
        )
    return model


def _load_outside(model: ModelProto, path: Path) -> None:
    """Loads the weights that the file keeps in other files."""
    entries = [entry for each in _outside(model) for entry in each.external_data if entry.key == "location"]
    missing = [name for name in dict.fromkeys(entry.value for entry in entries) if not (path.parent / name).is_file()]
    if missing:
        raise ConfigError(
            f"weights: {path} keeps its weights in {missing[0]}, which is not beside it"
            + (f", nor are {len(missing) - 1} more files" if len(missing) > 1 else "")
        )
    try:
        external_data_helper.load_external_data_for_model(model, str(path.parent))
    except Exception as error:  # of sizes, places and rights
        raise ConfigError(f"weights: the files that {path} keeps its weights in: {_first_line(error)}") from error


def _outside(model: ModelProto) -> Iterator[TensorProto]:
    for tensor in model.graph.initializer:
        if external_data_helper.uses_external_data(tensor):
            yield tensor
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t") and external_data_helper.uses_external_data(attribute.t):
                yield attribute.t


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
