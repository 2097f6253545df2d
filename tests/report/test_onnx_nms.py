"""The suppression that a file brings along, against that of PyTorch."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from torch import Tensor

from diode_pl.detector import DensePredictions, Detections
from diode_pl.detector.nms import non_max_suppression
from diode_pl.report.onnx_nms import Suppression, add_nms, nms_difference
from tests.detector.detectors import small, some_images

CLASSES, CANDIDATES, IMAGES = 3, 200, 4


def passed_on() -> onnx.ModelProto:
    """A graph whose boxes and scores are its inputs."""
    shapes = {"boxes": ["n", "m", 4], "scores": ["n", "m", "c"]}
    values = [
        {n: helper.make_tensor_value_info(f"{p}{n}", TensorProto.FLOAT, shapes[n]) for n in shapes}
        for p in ("raw_", "")
    ]
    nodes = [helper.make_node("Identity", [f"raw_{name}"], [name]) for name in shapes]
    graph = helper.make_graph(nodes, "passed_on", list(values[0].values()), list(values[1].values()))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def run(model: onnx.ModelProto, boxes: Tensor, scores: Tensor, **thresholds: Any) -> list[Detections]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs = {"raw_boxes": boxes.numpy(), "raw_scores": scores.numpy(), **thresholds}
    results = session.run(["boxes", "scores", "labels", "image"], inputs)
    found, kept, labels, image = (torch.from_numpy(each) for each in results)
    return [Detections(found[image == i], kept[image == i], labels[image == i]) for i in range(len(boxes))]


def candidates() -> tuple[Tensor, Tensor, DensePredictions]:
    """Boxes that overlap, some of them beyond the image."""
    corner, size = torch.rand(IMAGES, CANDIDATES, 2) * 1.4 - 0.4, torch.rand(IMAGES, CANDIDATES, 2) * 0.5 + 0.1
    boxes, objectness = torch.cat([corner, corner + size], dim=2), torch.rand(IMAGES, CANDIDATES)
    classes = torch.rand(IMAGES, CANDIDATES, CLASSES)
    dense = DensePredictions(boxes, objectness, classes, boxes[0], None)
    return boxes, objectness[..., None] * classes, dense


def require_equal(found: list[Detections], expected: list[Detections]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.labels, other.labels)
        torch.testing.assert_close((one.boxes, one.scores), (other.boxes, other.scores), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("confidence", "iou"), [(0.5, 0.45), (0.2, 0.3), (0.3, 0.7)])
def test_the_same_detections_in_the_same_order(confidence: float, iou: float) -> None:
    boxes, scores, dense = candidates()
    model = add_nms(passed_on(), Suppression(confidence, iou, CANDIDATES), clip_first=False)
    expected = non_max_suppression(dense, confidence, iou, IMAGES * CANDIDATES)
    require_equal(run(model, boxes, scores), expected)
    assert sum(len(each.labels) for each in expected) > 20
    assert sum(len(each.labels) for each in expected) < int((scores > confidence).sum())  # some were suppressed


def test_thresholds_can_be_given_to_the_file() -> None:
    boxes, scores, dense = candidates()
    model = add_nms(passed_on(), Suppression(), clip_first=False)
    given = {"confidence": np.float32([0.6]), "iou": np.float32([0.2]), "max_detections": np.int64([CANDIDATES])}
    require_equal(run(model, boxes, scores, **given), non_max_suppression(dense, 0.6, 0.2, IMAGES * CANDIDATES))


def test_boxes_that_are_clipped_first_overlap_more() -> None:
    boxes, scores, dense = candidates()
    clipped = DensePredictions(boxes.clamp(0, 1), dense.objectness, dense.classes, dense.priors, None)
    found = [
        run(add_nms(passed_on(), Suppression(0.4, 0.45, CANDIDATES), clip_first), boxes, scores)
        for clip_first in (True, False)
    ]
    require_equal(found[0], non_max_suppression(clipped, 0.4, 0.45, IMAGES * CANDIDATES))
    assert [len(each.labels) for each in found[0]] != [len(each.labels) for each in found[1]]


def test_no_more_than_the_best_of_each_class() -> None:
    boxes, scores, dense = candidates()
    found = run(add_nms(passed_on(), Suppression(0.0, 1.0, 2), clip_first=False), boxes, scores)
    for image, each in zip(scores, found, strict=True):
        best = image.topk(2, dim=0).values.flatten().sort(descending=True).values
        torch.testing.assert_close(each.scores, best)


def test_nothing_is_found() -> None:
    boxes, scores, _ = candidates()
    found = run(add_nms(passed_on(), Suppression(1.0), clip_first=False), boxes, scores)
    assert [len(each.labels) for each in found] == [0] * IMAGES


def test_the_model_that_was_given_stays_as_it_is() -> None:
    model = passed_on()
    before = model.SerializeToString()
    add_nms(model, Suppression(), clip_first=True)
    assert model.SerializeToString() == before


@pytest.mark.parametrize("wrong", [{"confidence": 1.5}, {"iou": -0.1}, {"max_detections": 0}])
def test_thresholds_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="confidence, iou and max_detections must be"):
        Suppression(**wrong)


class Session:
    """Answers with what PyTorch detects, after a change."""

    def __init__(self, change: Any) -> None:
        self.change, self.detector = change, small("darknet")

    @torch.no_grad()
    def run(self, _: list[str], given: dict[str, Any]) -> list[np.ndarray]:
        outputs = self.detector(torch.from_numpy(given["images"]))
        found = self.detector.predict(outputs, float(given["confidence"][0]), float(given["iou"][0]))
        self.count = sum(len(each.labels) for each in found)
        image = torch.cat([torch.full_like(each.labels, i) for i, each in enumerate(found)])
        parts = [torch.cat([getattr(each, part) for each in found]) for part in ("boxes", "scores", "labels")]
        return [each.numpy() for each in self.change(*parts, image)]


@pytest.mark.parametrize(
    ("change", "apart"),
    [
        (lambda boxes, scores, labels, image: (boxes, scores, labels, image), 0.0),
        (lambda boxes, scores, labels, image: (boxes.flip(0), scores.flip(0), labels.flip(0), image.flip(0)), 0.0),
        (lambda boxes, scores, labels, image: (boxes, scores + 0.25, labels, image), 0.25),
        (lambda boxes, scores, labels, image: (boxes[1:], scores[1:], labels[1:], image[1:]), float("inf")),
        (lambda boxes, scores, labels, image: (boxes, scores, labels + 5, image), float("inf")),
    ],
    ids=["same", "another order", "another score", "one less", "other labels"],
)
def test_the_difference_from_pytorch(change: Any, apart: float) -> None:
    session = Session(change)
    found = nms_difference(session.run, session.detector, some_images(), 0.45)
    assert found == pytest.approx(apart, abs=0.05) and 5 < session.count <= 100
