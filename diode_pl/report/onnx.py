"""ONNX export of a detector."""

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import onnx
import torch
from jaxtyping import Float, config
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from diode_pl.detector import Detector
from diode_pl.detector.input_size import InputSize
from diode_pl.io.atomic import atomic_write
from diode_pl.report.onnx_nms import Suppression, add_nms, nms_difference

_TOLERANCE = 1e-4
_DOUBLINGS = 4
# What the numbers of a file mean, for those who run it.
_MEANING = {
    "input": "float32 n x 3 x height x width, the picture stretched to that size",
    "channel_order": "RGB",
    "value_range": "[0, 1]",
    "box_format": "x1, y1, x2, y2 in units of image width and height",
}
_EXPORT_BATCH, _PARITY_BATCH = 2, 3  # unlike: a file that is tied to one batch size shows


def export_onnx(
    detector: Detector,
    path: str | Path,
    resolution: int,
    dynamic: bool = False,
    nms: Suppression | None = None,
    metadata: Mapping[str, str] | None = None,
) -> float:
    """Exports a detector to ONNX, and compares it with PyTorch on random images.

    Input is ``images`` (n, 3, h, w), float32 in [0, 1], with a dynamic n. Outputs are ``boxes`` (n, m, 4: x1, y1, x2,
    y2 in units of the image) and ``scores`` (n, m, classes: objectness times class probability), or those of
    :func:`~diode_pl.report.onnx_nms.add_nms`. The file's metadata say the same, ``class_names`` (a JSON list) and more.

    Args:
        detector: is not modified.
        path: overwritten, if the exported model agrees with PyTorch.
        resolution: height and width of the images in pixels.
        dynamic: whether images may be of any height and width that the detector takes.
        nms: non-maximum suppression inside the file; None: every candidate is an output.
        metadata: further entries, such as the data access level.

    Returns:
        Maximum difference between onnxruntime and PyTorch over boxes and scores, both on the CPU in float32: absolute,
        or relative for values above 1.

    Raises:
        ValueError: if ``resolution`` is not supported, the detector has two stages or a fixed batch size, cannot be
            exported for any size, or the difference is above 1e-4 or not finite.
    """
    size = InputSize.from_detectors({"detector": detector})
    size.check("resolution", resolution)
    # A validation loop may run in inference mode, whose tensors cannot be traced.
    with torch.inference_mode(False), torch.no_grad(), torch.autocast("cpu", enabled=False), _unchecked():
        # A copy, as device, dtype, layout and mode change.
        decoded = _Decoded(copy.deepcopy(detector).cpu().float().to(memory_format=torch.contiguous_format)).eval()
        if decoded.detector(torch.zeros(1, 3, resolution, resolution)).proposals:
            raise ValueError(
                "the number of candidates of a detector of two stages varies per image, which an ONNX graph cannot "
                "represent; use student.safetensors, or export a student of one stage"
            )
        model = _trace_any_size(decoded, resolution) if dynamic else _trace(decoded, resolution)
        about = {"class_names": json.dumps(detector.class_names), "stride": str(detector.stride), **_MEANING}
        about |= {"resolution": str(resolution), "dynamic": json.dumps(dynamic)}
        about |= {"nms": json.dumps(nms and asdict(nms))}
        onnx.helper.set_model_props(model, {**(metadata or {}), **about})
        sides = [(resolution, resolution)]
        if dynamic:
            sides += [(resolution + size.step, resolution + 2 * size.step), (size.smallest, size.smallest)]
        content = model.SerializeToString()
        difference = _difference(content, decoded, sides)
        if nms is not None:
            content = add_nms(model, nms, detector.clips_before_nms).SerializeToString()
            images = [_random_images(*each) for each in sides]
            pairs = [nms_difference(_session(content).run, decoded.detector, each, nms.iou) for each in images]
            difference = max(difference, *pairs)
    if not difference <= _TOLERANCE:
        raise ValueError(
            f"{path} was not written: boxes and scores in onnxruntime differ from PyTorch's by {difference:.1e}, more "
            f"than {_TOLERANCE:.0e}; does the detector compute with finite numbers?"
            + (" dynamic=false exports it for one resolution" if dynamic else "")
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


def _trace_any_size(decoded: _Decoded, resolution: int) -> onnx.ModelProto:
    step, least = decoded.detector.stride, max(1, decoded.detector.smallest // decoded.detector.stride)
    # A tracer takes a side of one cell for a constant: every map must have more.
    for _ in range(_DOUBLINGS):
        features = decoded.detector(torch.zeros(1, 3, resolution, resolution)).features
        resolution *= 2 if min(min(each.shape[2:]) for each in features) < 2 else 1
    rows, columns = (torch.export.Dim(name, min=least) for name in ("rows", "columns"))
    sides = {2: rows, 3: columns} if step == 1 else {2: step * rows, 3: step * columns}
    try:
        return _trace(decoded, resolution, sides)
    except Exception as error:  # exporters raise many types
        raise ValueError(
            f"dynamic: this detector cannot be exported for any size ({str(error).strip().partition(chr(10))[0]}); "
            "dynamic=false exports it for one resolution"
        ) from error


def _trace(decoded: _Decoded, resolution: int, sides: Mapping[int, Any] | None = None) -> onnx.ModelProto:
    try:
        program = torch.onnx.export(
            decoded,
            (torch.zeros(_EXPORT_BATCH, 3, resolution, resolution),),
            input_names=["images"],
            output_names=["boxes", "scores"],
            dynamic_shapes=({0: torch.export.Dim("n"), **(sides or {})},),
            dynamo=True,
            verbose=False,
        )
    except torch.onnx.errors.OnnxExporterError as error:  # its message is pages long
        text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
        missing = re.search(r"No ONNX function found for [^>]*>", text)
        reason = missing[0] if missing else text.partition("\n")[0]
        raise ValueError(f"PyTorch's exporter cannot write this detector: {reason}") from error
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


def _random_images(height: int, width: int) -> Tensor:
    return torch.rand(_PARITY_BATCH, 3, height, width, generator=torch.Generator().manual_seed(0))


def _session(content: bytes) -> Any:
    """An ``onnxruntime.InferenceSession``."""
    import onnxruntime  # here, as it starts a thread

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _difference(content: bytes, decoded: _Decoded, sides: Sequence[tuple[int, int]]) -> float:
    session, largest = _session(content), list[float]()
    for images in (_random_images(*each) for each in sides):
        try:
            found = session.run(["boxes", "scores"], {"images": images.numpy()})
        except Exception:  # a type that is private to the library
            if images.shape[2:] == sides[0]:
                raise
            return float("inf")  # it runs at the resolution that it was made at, and not at others
        pairs = [(torch.from_numpy(a), b) for a, b in zip(found, decoded(images), strict=True)]
        if decoded.detector.decode(decoded.detector(images)).queries:
            pairs = _in_one_order(pairs)
        largest += [_largest(a, b) if a.shape == b.shape else float("inf") for a, b in pairs]
    return float(torch.tensor(largest).max())  # not a number if one of them is none


def _in_one_order(pairs: Sequence[tuple[Tensor, Tensor]]) -> list[tuple[Tensor, Tensor]]:
    """Puts the candidates of the first of each pair of outputs into the order of the second's, one to one.

    Networks order their queries by scores, so that rounding puts two of equal scores either way.
    """
    found, expected = (torch.cat(each, dim=2).double() for each in zip(*pairs, strict=True))
    if found.shape != expected.shape:
        return list(pairs)
    distance = torch.cdist(expected, found, p=1).nan_to_num(1e6)
    order = torch.stack([torch.from_numpy(linear_sum_assignment(each.numpy())[1]) for each in distance])
    image = torch.arange(len(order))[:, None]
    return [(a[image, order], b) for a, b in pairs]


def _largest(found: Float[Tensor, "n m d"], expected: Float[Tensor, "n m d"]) -> float:
    # Relative above 1: in float32 a box many images wide has no four decimal places.
    return float(((found - expected).abs() / expected.abs().clamp(min=1)).max())
