"""Non-maximum suppression inside an ONNX file.

Appended to the graph as ONNX's own operator: an exporter would need one loop per image, and a fixed number of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from diode_pl.detector import Detections, Detector

_THRESHOLDS = ("max_detections", "iou", "confidence")  # in the order of the operator
_COMPARED = slice(20, 80)  # of all candidates by score, the last one that both sides of a comparison keep


@dataclass(frozen=True)
class Suppression:
    """Thresholds of non-maximum suppression per class; the file takes other ones as inputs of these names.

    Args:
        confidence: candidates at or below this score are dropped, in [0, 1].
        iou: boxes that overlap a better box of their class by more than this are dropped, in [0, 1].
        max_detections: maximum number per image and class, >= 1.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> Suppression(iou=0.6).confidence
        0.25
    """

    confidence: float = 0.25
    iou: float = 0.45
    max_detections: int = 100

    def __post_init__(self) -> None:
        if not (0 <= self.confidence <= 1 and 0 <= self.iou <= 1 and self.max_detections >= 1):
            raise ValueError(
                "confidence, iou and max_detections must be in [0, 1], in [0, 1] and >= 1, got "
                f"{self.confidence}, {self.iou} and {self.max_detections}"
            )


def add_nms(model: onnx.ModelProto, suppression: Suppression, clip_first: bool) -> onnx.ModelProto:
    """Replaces dense ``boxes`` (n, m, 4) and ``scores`` (n, m, c) by detections.

    Args:
        model: is not modified.
        suppression: default values of three further inputs.
        clip_first: boxes are clipped to the image before they are compared, not only after.

    Returns:
        A model with outputs ``boxes`` (k, 4), ``scores`` (k), ``labels`` (k) and ``image`` (k), the position in the
        batch; best first.
    """
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    for node in graph.node:  # the names are those of the results now
        for names in (node.input, node.output):
            names[:] = [f"dense_{name}" if name in ("boxes", "scores") else name for name in names]
    for name, value in asdict(suppression).items():
        array = np.array([value], np.int64 if name == "max_detections" else np.float32)
        graph.initializer.append(numpy_helper.from_array(array, name))
        graph.input.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), [1]))
    for name, constant in (("zero", 0.0), ("one", 1.0)):
        graph.initializer.append(numpy_helper.from_array(np.array(constant, np.float32), f"nms_{name}"))
    for name, columns in (("first", 0), ("second", 1), ("place", [0, 2])):
        graph.initializer.append(numpy_helper.from_array(np.array(columns, np.int64), f"nms_{name}"))

    def add(kind: str, inputs: Sequence[str], *outputs: str, **options: Any) -> str:
        graph.node.append(helper.make_node(kind, inputs, outputs, name=f"nms/{outputs[-1]}", **options))
        return outputs[-1]

    def column(name: str, index: str) -> str:
        return add("Gather", ["nms_sorted", index], name, axis=1)

    compared = "dense_boxes"
    if clip_first:
        compared = add("Clip", [compared, "nms_zero", "nms_one"], "nms_clipped")
    add("Transpose", ["dense_scores"], "nms_by_class", perm=[0, 2, 1])
    add("NonMaxSuppression", [compared, "nms_by_class", *_THRESHOLDS], "nms_kept")
    add("GatherND", ["nms_by_class", "nms_kept"], "nms_scores")
    add("Shape", ["nms_scores"], "nms_count")
    add("TopK", ["nms_scores", "nms_count"], "scores", "nms_best", axis=0)
    add("Gather", ["nms_kept", "nms_best"], "nms_sorted", axis=0)
    add("GatherND", [compared, column("nms_places", "nms_place")], "nms_boxes")
    add("Clip", ["nms_boxes", "nms_zero", "nms_one"], "boxes")
    column("image", "nms_first")
    column("labels", "nms_second")
    del graph.output[:], graph.value_info[:]
    for name, kind in (("boxes", TensorProto.FLOAT), ("scores", TensorProto.FLOAT)):
        graph.output.append(helper.make_tensor_value_info(name, kind, ["k", 4] if name == "boxes" else ["k"]))
    for name in ("labels", "image"):
        graph.output.append(helper.make_tensor_value_info(name, TensorProto.INT64, ["k"]))
    onnx.checker.check_model(model, full_check=True)
    return model


@torch.no_grad()
def nms_difference(run: Callable[..., list[Any]], detector: Detector, images: Tensor, iou: float) -> float:
    """Compares the detections of a file with those of PyTorch, at a threshold that leaves a few dozen candidates.

    Args:
        run: of the file's session.
        detector: that the file was made from.
        images: RGB in [0, 1].
        iou: threshold of non-maximum suppression, in [0, 1].

    Returns:
        The largest difference of a box or score from its counterpart; infinite where one has none.
    """
    outputs = detector(images)
    dense = detector.decode(outputs)
    scores = (dense.objectness[..., None] * dense.classes).flatten().sort(descending=True).values
    # In the widest gap: rounding decides about no candidate.
    scores = scores[min(_COMPARED.start, max(0, len(scores) - 2)) : _COMPARED.stop]
    i = int((scores[:-1] - scores[1:]).argmax())
    confidence = float(scores[i : i + 2].mean())
    given = {
        "images": images.numpy(),
        "confidence": np.array([confidence], np.float32),
        "iou": np.array([iou], np.float32),
    }
    found = [torch.from_numpy(each) for each in run(["boxes", "scores", "labels", "image"], given)]
    expected = detector.predict(outputs, confidence, iou)
    largest = 0.0
    for position, image in enumerate(expected):
        here = found[3] == position
        largest = max(largest, _distance(image, Detections(*(each[here] for each in found[:3]))))
    return largest


def _distance(one: Detections, other: Detections) -> float:
    if len(one.labels) != len(other.labels):
        return float("inf")
    if not len(one.labels):
        return 0.0
    rows = [torch.cat([each.boxes, each.scores[:, None]], dim=1) for each in (one, other)]
    apart = (rows[0][:, None] - rows[1]).abs().amax(dim=2)
    apart = torch.where(one.labels[:, None] == other.labels, apart, torch.inf)
    return float(torch.maximum(apart.amin(dim=1).max(), apart.amin(dim=0).max()))
