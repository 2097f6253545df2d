"""Which boxes a detector sees."""

import pytest

from diode_pl.data.accept.sightings import best_scores

BOXES = {"boxes": [[10.0, 10.0, 20.0, 20.0], [50.0, 50.0, 10.0, 10.0]], "labels": [0, 1]}


def found(*rows: tuple[list[float], int, float]) -> dict:
    boxes, labels, scores = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    return {"boxes": boxes, "labels": labels, "scores": scores}


def test_each_box_has_the_best_score_of_its_class() -> None:
    seen = found(([10, 10, 20, 20], 0, 0.4), ([11, 10, 20, 20], 0, 0.9), ([50, 50, 10, 10], 0, 0.8))
    assert best_scores(BOXES, seen) == [0.9, 0.0]


@pytest.mark.parametrize(("iou", "expected"), [(0.5, 0.7), (0.51, 0.0)])
def test_a_detection_must_overlap(iou: float, expected: float) -> None:
    assert best_scores(BOXES, found(([10, 10, 20, 40], 0, 0.7)), iou=iou)[0] == expected


def test_a_class_that_the_detector_does_not_know_has_no_score() -> None:
    assert best_scores(BOXES, found(), known=[1]) == [None, 0.0]
