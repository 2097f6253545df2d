"""Non-maximum suppression: which of the overlapping candidates of an image are reported."""

import pytest
import torch
from torchvision.ops import batched_nms

from diode_pl.detector.nms import non_max_suppression, suppress
from diode_pl.detector.outputs import DensePredictions

# The second covers two thirds of the first; the third lies elsewhere.
BOXES = torch.tensor([[0.1, 0.1, 0.5, 0.5], [0.1, 0.1, 0.5, 0.36667], [0.6, 0.6, 0.9, 0.9]])
SCORES = torch.tensor([0.6, 0.9, 0.3])


def test_of_two_boxes_of_a_class_the_better_one_stays_and_the_best_comes_first() -> None:
    found = suppress(BOXES, SCORES, torch.tensor([0, 0, 0]), iou=0.6, most=100)
    assert found.scores.tolist() == SCORES[[1, 2]].tolist() and found.boxes.equal(BOXES[[1, 2]])


def test_an_overlap_below_the_threshold_and_one_of_another_class_count_for_nothing() -> None:
    assert len(suppress(BOXES, SCORES, torch.tensor([0, 0, 0]), iou=0.7, most=100).labels) == 3
    assert suppress(BOXES, SCORES, torch.tensor([1, 0, 0]), iou=0.1, most=100).labels.tolist() == [0, 1, 0]


def test_at_most_as_many_as_asked_for_are_reported_inside_the_image() -> None:
    found = suppress(BOXES * 2 - 0.5, SCORES, torch.tensor([0, 1, 2]), iou=0.5, most=2)
    assert found.labels.tolist() == [1, 0] and found.boxes.min() == 0 and found.boxes.max() == 0.5


def test_a_box_far_outside_does_not_blur_the_others() -> None:
    far = torch.tensor([[0.0, 0.0, 1e7, 1e7]])
    found = suppress(torch.cat([BOXES, far]), torch.cat([SCORES, SCORES[:1]]), torch.tensor([5, 5, 5, 6]), 0.6, 100)
    assert found.labels.tolist() == [5, 6, 5]


def test_each_class_of_a_box_above_the_confidence_is_a_candidate() -> None:
    classes = torch.tensor([[[1.0, 0.5], [0.1, 0.2], [0.5, 0.0]], [[0.0, 0.0], [0.0, 0.0], [0.0, 1.0]]])
    dense = DensePredictions(BOXES.expand(2, 3, 4), torch.full((2, 3), 0.5), classes, BOXES, None)
    first, second = non_max_suppression(dense, confidence=0.2, iou=0.5, max_detections=10)
    assert first.scores.tolist() == [0.5, 0.25, 0.25] and sorted(first.labels.tolist()) == [0, 0, 1]
    assert second.labels.tolist() == [1] and second.boxes.equal(BOXES[2:])
    (nothing, _) = non_max_suppression(dense, confidence=0.5, iou=0.5, max_detections=10)
    assert nothing.boxes.shape == (0, 4)


@pytest.mark.parametrize("side", [0.001, 0.3], ids=["all stay", "few stay"])
@pytest.mark.parametrize("most", [3, 100, 5000])
def test_of_many_candidates_those_are_reported_that_all_of_them_give(side: float, most: int) -> None:
    draw = torch.Generator().manual_seed(0)
    corner, scores = torch.rand(6000, 2, generator=draw) * (1 - side), torch.rand(6000, generator=draw)
    boxes, labels = torch.cat([corner, corner + side], dim=1), torch.randint(3, (6000,), generator=draw)
    found = suppress(boxes, scores, labels, iou=0.45, most=most)
    keep = batched_nms(boxes.double(), scores.double(), labels, 0.45)[:most]
    assert torch.equal(found.boxes, boxes[keep]) and torch.equal(found.labels, labels[keep])
