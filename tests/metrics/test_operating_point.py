import time
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from diode_pl.detector import Detections
from diode_pl.io.ignored import Ignored
from diode_pl.metrics import OperatingPoint
from diode_pl.metrics.operating_point import match_detections
from diode_pl.targets import Targets
from tests.metrics.oracle import coco_evaluation
from tests.metrics.random_set import CLASSES, nothing, perfect, random_boxes, random_set
from tests.tiny import no_boxes


def scored(detections: Sequence[Detections], targets: Targets, iou: float = 0.5) -> dict[str, float | list[int]]:
    metric = OperatingPoint(CLASSES, iou)
    metric.update(detections, targets)
    return {name: value.tolist() for name, value in metric.compute().items()}


def slow_iou(a: Sequence[float], b: Sequence[float]) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


def slow_counts(detections: Sequence[Detections], targets: Targets, confidence: float) -> tuple[list[int], list[int]]:
    """True and false positives of each class, matched from nothing among the detections of some confidence."""
    right, wrong = [0] * CLASSES, [0] * CLASSES
    for found, (boxes, labels) in zip(detections, targets.per_image(), strict=True):
        left = list(zip(boxes.tolist(), labels.tolist(), strict=True))
        rows = sorted(
            zip(found.scores.tolist(), found.boxes.tolist(), found.labels.tolist(), strict=True), reverse=True
        )
        for score, box, label in rows:
            if score < confidence:
                continue
            overlaps = [slow_iou(box, other) if label == name else 0.0 for other, name in left]
            if overlaps and max(overlaps) >= 0.5:
                left.pop(overlaps.index(max(overlaps)))
                right[label] += 1
            else:
                wrong[label] += 1
    return right, wrong


@pytest.mark.parametrize("seed", range(4))
def test_the_point_is_the_best_of_all_confidences(seed: int) -> None:
    detections, targets = random_set(seed=seed)
    # Scores in steps, so that several detections share one.
    detections = [Detections(f.boxes, (f.scores * 16).ceil() / 16, f.labels) for f in detections]
    points = []
    for confidence in {float(s) for found in detections for s in found.scores}:
        right, wrong = slow_counts(detections, targets, confidence)
        precision, recall = sum(right) / (sum(right) + sum(wrong)), sum(right) / len(targets)
        f1 = 2 * precision * recall / (precision + recall) if right != [0] * CLASSES else 0.0
        points.append((f1, confidence, precision, recall, right, wrong))
    f1, confidence, precision, recall, right, wrong = max(points)
    result = scored(detections, targets)
    assert 0.2 < f1 < 0.95
    assert [result[k] for k in ("F1", "precision", "recall")] == pytest.approx([f1, precision, recall], abs=1e-12)
    assert result["confidence"] == confidence
    assert (result["true_positives"], result["false_positives"]) == (right, wrong)
    assert result["truths"] == torch.bincount(targets.labels, minlength=CLASSES).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_matches_are_those_of_pycocotools(seed: int) -> None:
    """One crowded image of one class, where detections compete for truths."""
    draw = np.random.default_rng(seed)
    boxes = torch.tensor(random_boxes(draw, 30))
    near = boxes.repeat(3, 1) + torch.tensor(draw.normal(0, 0.02, (90, 4)).astype("f4"))
    found = Detections(near, torch.tensor(draw.random(90).astype("f4")), torch.zeros(90, dtype=torch.long))
    labels = torch.zeros(30, dtype=torch.long)
    evaluation = coco_evaluation([found], Targets.from_images([(boxes, labels)]), [(400, 300)], 1)
    one = next(e for e in evaluation.evalImgs if e and e["aRng"] == [0, 1e10])
    by_score = found.scores.argsort(descending=True)
    for at, iou in ((0, 0.5), (5, 0.75)):
        right = match_detections(found, boxes, labels, iou)
        assert 5 < int(right.sum()) < 90
        assert right[by_score].tolist() == (one["dtMatches"][at] > 0).tolist()


def test_perfect_detections_score_one() -> None:
    _, targets = random_set()
    result = scored(perfect(targets), targets)
    assert result["precision"] == result["recall"] == result["F1"] == 1
    assert result["confidence"] == pytest.approx(0.8)
    assert result["false_positives"] == [0] * CLASSES


def test_each_truth_is_found_once() -> None:
    box, other = [0.1, 0.1, 0.5, 0.5], [0.6, 0.6, 0.9, 0.9]
    targets = Targets.from_images([(torch.tensor([box, other]), torch.tensor([1, 1]))])
    found = Detections(torch.tensor([box, box, other]), torch.tensor([0.9, 0.8, 0.7]), torch.tensor([1, 1, 1]))
    result = scored([found], targets)
    assert (result["precision"], result["recall"]) == pytest.approx((2 / 3, 1))
    assert (result["true_positives"], result["false_positives"]) == ([0, 2, 0], [0, 1, 0])


def test_the_better_score_chooses_first() -> None:
    """The second detection overlaps the truth more, but finds it taken."""
    targets = Targets.from_images([(torch.tensor([[0.0, 0.0, 1.0, 0.5]]), torch.tensor([0]))])
    boxes = torch.tensor([[0.0, 0.0, 0.7, 0.5], [0.0, 0.0, 1.0, 0.5]])
    found = Detections(boxes, torch.tensor([0.9, 0.3]), torch.tensor([0, 0]))
    assert scored([found], targets)["confidence"] == pytest.approx(0.9)
    assert scored([found], targets, iou=0.8)["confidence"] == pytest.approx(0.3)


def test_of_truths_that_overlap_equally_the_last_is_taken() -> None:
    """As in COCO: the second detection fits the last truth alone, and finds it taken."""
    boxes = torch.tensor([[0.125, 0.0, 0.625, 1.0], [0.375, 0.0, 0.875, 1.0]])
    found = Detections(
        torch.tensor([[0.25, 0.0, 0.75, 1.0], [0.5, 0.0, 1.0, 1.0]]), torch.tensor([0.9, 0.8]), torch.tensor([0, 0])
    )
    labels = torch.tensor([0, 0])
    matches = coco_evaluation([found], Targets.from_images([(boxes, labels)]), [(64, 64)], 1).evalImgs[0]["dtMatches"]
    assert match_detections(found, boxes, labels, 0.5).tolist() == [True, False] == (matches[0] > 0).tolist()
    assert match_detections(found, boxes.flip(0), labels, 0.5).tolist() == [True, True]


def test_another_class_or_image_is_no_match() -> None:
    box = torch.tensor([[0.1, 0.1, 0.5, 0.5]])
    none = (torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))
    targets = Targets.from_images([(box, torch.tensor([1])), none])
    one = [Detections(box, torch.tensor([0.5]), torch.tensor([label])) for label in (1, 2)]
    empty = nothing(1)[0]
    assert scored([one[0], empty], targets)["F1"] == 1
    assert scored([one[1], empty], targets)["F1"] == 0
    assert scored([empty, one[0]], targets)["F1"] == 0


def test_half_the_overlap_is_enough() -> None:
    targets = Targets.from_images([(torch.tensor([[0.0, 0.0, 1.0, 0.5]]), torch.tensor([0]))])
    found = Detections(torch.tensor([[0.0, 0.0, 0.5, 0.5]]), torch.tensor([0.5]), torch.tensor([0]))
    assert scored([found], targets)["F1"] == 1


def test_boxes_that_are_switched_off_are_not_wanted() -> None:
    detections, targets = random_set()
    half = targets.keep(torch.arange(len(targets)) % 2 == 0)
    assert scored(detections, half) == scored(detections, half.compact()) != scored(detections, targets)


@pytest.mark.parametrize("case", ["no detections", "no targets", "neither"])
def test_without_a_match_all_is_zero(case: str) -> None:
    detections, targets = random_set()
    detections = nothing(8) if case != "no targets" else detections
    targets = no_boxes(8) if case != "no detections" else targets
    result = scored(detections, targets)
    assert [result[k] for k in ("precision", "recall", "F1", "confidence")] == [0] * 4
    assert result["true_positives"] == result["false_positives"] == [0] * CLASSES


def test_parts_add_up_and_reset_forgets_them() -> None:
    detections, targets = random_set()
    metric = OperatingPoint(CLASSES)
    for at, (boxes, labels) in enumerate(targets.per_image()):
        metric.update([detections[at]], Targets.from_images([(boxes, labels)]))
    assert {k: v.tolist() for k, v in metric.compute().items()} == scored(detections, targets)
    metric.reset()
    metric.update(perfect(targets), targets)
    assert metric.compute()["F1"] == 1


def test_hundreds_of_images_take_no_time() -> None:
    draw = np.random.default_rng(0)
    wanted = [(torch.tensor(random_boxes(draw, 8)), torch.tensor(draw.integers(0, CLASSES, 8))) for _ in range(300)]
    found = [
        Detections(boxes.repeat(13, 1)[:100], torch.rand(100), labels.repeat(13)[:100]) for boxes, labels in wanted
    ]
    begin = time.process_time()
    assert sum(scored(found, Targets.from_images(wanted))["true_positives"]) > 1000
    assert time.process_time() - begin < 3  # a quarter of a second where nothing else runs


def test_detections_of_ignored_regions_count_neither_way() -> None:
    box, inside, other = [0.1, 0.1, 0.5, 0.5], [0.1, 0.1, 0.2, 0.2], [0.6, 0.6, 0.9, 0.9]
    targets = Targets.from_images([(torch.tensor([other]), torch.tensor([1]))])
    found = Detections(torch.tensor([box, box, inside, other]), torch.linspace(0.9, 0.6, 4), torch.tensor([1, 1, 1, 1]))
    for label, crowd, wrong in ((1, False, 1), (1, True, 0), (0, True, 3)):
        metric = OperatingPoint(CLASSES)
        metric.update([found], targets, [Ignored.from_objects([(label, box, crowd)])])
        result = metric.compute()
        assert (result["truths"].sum(), result["true_positives"].sum()) == (1, 1)
        assert result["false_positives"].sum() == wrong and result["recall"] == 1


def test_an_object_comes_before_an_ignored_region() -> None:
    box = [0.1, 0.1, 0.5, 0.5]
    found = Detections(torch.tensor([box]), torch.tensor([0.9]), torch.tensor([1]))
    metric = OperatingPoint(CLASSES)
    targets = Targets.from_images([(torch.tensor([box]), torch.tensor([1]))])
    metric.update([found], targets, [Ignored.from_objects([(1, [0.0, 0.0, 1.0, 1.0], True)])])
    assert metric.compute()["F1"] == 1


def test_bad_input_raises(unchecked: None) -> None:
    with pytest.raises(ValueError, match="classes must be >= 1, got 0"):
        OperatingPoint(0)
    for iou in (0, 1.5):
        with pytest.raises(ValueError, match=r"iou must be in \(0, 1\]"):
            OperatingPoint(1, iou)
    with pytest.raises(ValueError, match="3 images and targets of 8"):
        scored(nothing(3), no_boxes(8))
