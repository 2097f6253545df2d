"""What an ONNX file computes by onnxruntime, which a converted network must agree with."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import ModelProto
from torch import Tensor

from diode_pl.detector.darknet.cfg import ConfigError

_TOLERANCE = 1e-3  # of the largest number of an output


def run_model(model: ModelProto, images: Tensor, path: Path) -> dict[str, np.ndarray]:
    """All outputs of a graph by name.

    Args:
        model: takes ``images`` as its only input.
        images: on the CPU.
        path: of its file, for error messages.

    Raises:
        ConfigError: if onnxruntime cannot run it.
    """
    import onnxruntime  # here, as it starts a thread

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong comes as an exception
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
        found = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    except Exception as error:  # onnxruntime has one for each status
        reason = str(error).strip().partition("\n")[0]
        raise ConfigError(f"weights: {path} cannot be run by onnxruntime ({reason})") from error
    return {each.name: value for each, value in zip(session.get_outputs(), found, strict=True)}


def require_agreement(found: Sequence[Tensor], expected: Sequence[Tensor], what: str, path: Path) -> None:
    """Raises a ConfigError if tensors differ.

    Args:
        found: of the converted network.
        expected: of the same shapes.
        what: what ``expected`` comes from, for the error message.
        path: of the file, likewise.
    """
    for each, wanted in zip(found, expected, strict=True):
        apart = float((each - wanted).abs().max() / wanted.abs().max().clamp(min=1e-6))
        if not apart <= _TOLERANCE:
            raise ConfigError(
                f"weights: {path} is computed in another way after conversion: {what}, and numbers differ by "
                f"{apart:.1e} of the largest one; expected at most {_TOLERANCE:.0e}"
            )
