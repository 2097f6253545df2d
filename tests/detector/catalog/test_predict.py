from collections.abc import Sequence

import torch

from diode_pl.detector import Detections
from tests.detector.detectors import dense, every, small, some_images

ALL = 10**6


def same(found: Sequence[Detections], wanted: Sequence[Detections]) -> None:
    for a, b in zip(found, wanted, strict=True):
        assert torch.equal(a.labels, b.labels) and torch.equal(a.scores, b.scores) and torch.equal(a.boxes, b.boxes)


@every
def test_best_first_and_inside_the_image(name: str) -> None:
    detector = small(name)
    for found in detector.predict(detector(some_images()), confidence=0.0, max_detections=20):
        assert 10 < len(found.labels) <= 20 and bool((found.scores.diff() <= 0).all())
        assert bool(((found.boxes >= 0) & (found.boxes <= 1)).all())
        assert bool(((found.labels >= 0) & (found.labels < len(detector.class_names))).all())


@dense
def test_scores_are_objectness_times_class_probability(name: str) -> None:
    detector = small(name)
    outputs = detector(some_images())
    found, expected = detector.predict(outputs, 0.1, 1.0, ALL), detector.decode(outputs)
    for i, each in enumerate(found):
        scores = (expected.objectness[i, :, None] * expected.classes[i]).flatten()
        torch.testing.assert_close(each.scores, scores[scores > 0.1].sort(descending=True).values)


@dense
def test_boxes_are_those_of_the_candidates(name: str) -> None:
    detector = small(name)
    outputs = detector(some_images())
    expected = detector.decode(outputs)
    for i, each in enumerate(detector.predict(outputs, max_detections=5)):
        for box, score, label in zip(each.boxes, each.scores, each.labels, strict=True):
            near = (expected.boxes[i].clamp(0, 1) - box).abs().amax(dim=1) < 1e-6
            assert bool(((expected.objectness[i] * expected.classes[i, :, label] - score).abs()[near] < 1e-6).any())


def first(found: Detections, count: int) -> Detections:
    return Detections(found.boxes[:count], found.scores[:count], found.labels[:count])


@every
def test_confidence_and_number_cut_the_list_off(name: str) -> None:
    detector = small(name)
    outputs = detector(some_images())
    whole = detector.predict(outputs, 0.0, 0.5, ALL)
    bound = float(torch.cat([each.scores for each in whole]).median())
    sure = [first(each, int((each.scores > bound).sum())) for each in whole]
    same(detector.predict(outputs, bound, 0.5, ALL), sure)
    same(detector.predict(outputs, 0.0, 0.5, 7), [first(each, 7) for each in whole])
    for nothing in detector.predict(outputs, confidence=1.0):
        assert nothing.boxes.shape == (0, 4) and len(nothing.scores) == len(nothing.labels) == 0


@every
def test_overlapping_boxes_of_a_class_are_suppressed(name: str) -> None:
    detector = small(name)
    outputs = detector(some_images())
    counts = [sum(len(each.labels) for each in detector.predict(outputs, 0.0, iou, ALL)) for iou in (0.2, 0.6, 1.0)]
    assert counts[0] < counts[1] < counts[2]


@every
def test_in_another_class_numbering(name: str) -> None:
    detector = small(name)
    outputs, names = detector(some_images()), detector.class_names
    own = detector.predict(outputs)
    same(detector.predict_as(names, outputs), own)
    last = len(names) - 1
    turned = [Detections(each.boxes, each.scores, last - each.labels) for each in own]
    same(detector.predict_as(names[::-1], outputs), turned)
    one = detector.predict_as(("zebra", names[1]), outputs)
    kept = [each.labels == 1 for each in own]
    same(one, [Detections(e.boxes[k], e.scores[k], e.labels[k]) for e, k in zip(own, kept, strict=True)])
    assert sum(map(len, (each.labels for each in one))) > 0
