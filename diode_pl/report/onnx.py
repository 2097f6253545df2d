"""ONNX export of a detector."""

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
import onnxruntime
import torch
from jaxtyping import config
from torch import Tensor, nn

from diode_pl.detector import Detector
from diode_pl.detector.input_size import InputSize
from diode_pl.io.atomic import atomic_write

_TOLERANCE = 1e-4
_EXPORT_BATCH, _PARITY_BATCH = 2, 3  # unlike: a file that is tied to one batch size shows


def export_onnx(detector: Detector, path: str | Path, resolution: int) -> float:
    """Exports a detector to ONNX, without non-maximum suppression, and compares it with PyTorch on random images.

    Input is ``images`` (n, 3, resolution, resolution), float32 in [0, 1], with a dynamic n. Outputs are ``boxes``
    (n, m, 4: x1, y1, x2, y2 in units of the image) and ``scores`` (n, m, classes: objectness times class probability).
    The file's metadata contain ``class_names`` (a JSON list), ``stride`` and ``resolution``.

    Args:
        detector: is not modified.
        path: overwritten, if the exported model agrees with PyTorch.
        resolution: height and width of the images in pixels.

    Returns:
        Maximum difference between onnxruntime and PyTorch over boxes and scores, both on the CPU in float32: absolute,
        or relative for values above 1.

    Raises:
        ValueError: if ``resolution`` is not supported, the detector has two stages or a fixed batch size, or the
            difference is above 1e-4 or not finite.
    """
    InputSize.from_detectors({"detector": detector}).check("resolution", resolution)
    # A validation loop may run in inference mode, whose tensors cannot be traced.
    with torch.inference_mode(False), torch.no_grad(), torch.autocast("cpu", enabled=False), _unchecked():
        # A copy, as device, dtype, layout and mode change.
        decoded = _Decoded(copy.deepcopy(detector).cpu().float().to(memory_format=torch.contiguous_format)).eval()
        if decoded.detector(torch.zeros(1, 3, resolution, resolution)).proposals:
            raise ValueError(
                "the number of candidates of a detector of two stages varies per image, which an ONNX graph cannot "
                "represent; use student.safetensors, or export a student of one stage"
            )
        model = _trace(decoded, resolution)
        names = json.dumps(detector.class_names)
        about = {"class_names": names, "stride": str(detector.stride), "resolution": str(resolution)}
        onnx.helper.set_model_props(model, about)
        content = model.SerializeToString()
        difference = _difference(content, decoded, resolution)
    if not difference <= _TOLERANCE:
        raise ValueError(
            f"{path} was not written: boxes and scores in onnxruntime differ from PyTorch's by {difference:.1e}, more "
            f"than {_TOLERANCE:.0e}; does the detector compute with finite numbers?"
        )
    atomic_write(Path(path), content)
    return difference


class _Decoded(nn.Module):
    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        dense = self.detector.decode(self.detector(images))
        return dense.boxes, dense.objectness[..., None] * dense.classes


def _trace(decoded: _Decoded, resolution: int) -> onnx.ModelProto:
    program = torch.onnx.export(
        decoded,
        (torch.zeros(_EXPORT_BATCH, 3, resolution, resolution),),
        input_names=["images"],
        output_names=["boxes", "scores"],
        dynamic_shapes=({0: torch.export.Dim("n")},),
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    model = program.model_proto
    # The exporter stores source lines with every node: private, and a tenth of the file size.
    for node in model.graph.node:
        del node.metadata_props[:]
    if not model.graph.input[0].type.tensor_type.shape.dim[0].dim_param:
        raise ValueError(
            "the detector's forward or decode depends on the number of images, so that an ONNX file would hold for "
            f"{_EXPORT_BATCH} images only; expected sizes taken from the shapes of its inputs"
        )
    return model


@contextmanager
def _unchecked() -> Iterator[None]:
    """Disables jaxtyping's checks: they compare sizes, which fixes them in the traced graph."""
    before = config.jaxtyping_disable
    config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        config.update("jaxtyping_disable", before)


def _difference(content: bytes, decoded: _Decoded, resolution: int) -> float:
    images = torch.rand(_PARITY_BATCH, 3, resolution, resolution, generator=torch.Generator().manual_seed(0))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    found = session.run(["boxes", "scores"], {"images": images.numpy()})
    pairs = [(torch.from_numpy(a), b) for a, b in zip(found, decoded(images), strict=True)]
    # Relative above 1: in float32 a box many images wide has no four decimal places.
    return max(float(((a - b).abs() / b.abs().clamp(min=1)).max()) for a, b in pairs)
