"""Boxes of an image for the script of a page."""

import pytest

from diode_pl.report.page.gallery import describe_image, lowest_score

MUG = {"boxes": [[10.0, 10.0, 20.0, 20.0]], "labels": [0]}
TWO = {"boxes": [[10.0, 10.0, 20.0, 20.0], [50.0, 50.0, 10.0, 10.0]], "labels": [0, 1]}


def found(*rows: tuple[list[float], int, float]) -> dict:
    boxes, labels, scores = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    return {"boxes": boxes, "labels": labels, "scores": scores}


def test_the_object_that_is_seen_worst_counts() -> None:
    both = found(([10, 10, 20, 20], 0, 0.9), ([50, 50, 10, 10], 1, 0.3))
    assert lowest_score(TWO, both) == 0.3
    assert lowest_score(TWO, found(([10, 10, 20, 20], 0, 0.9))) == 0


@pytest.mark.parametrize(
    ("box", "label", "expected"),
    [
        ([10, 10, 20, 20], 1, 0),  # another class
        ([10, 10, 20, 40], 0, 0.7),  # IoU 1/2
        ([10, 10, 20, 41], 0, 0),  # just below
        ([80, 80, 20, 20], 0, 0),
    ],
)
def test_a_detection_finds_an_object_of_its_class_that_it_overlaps_by_half(
    box: list[float], label: int, expected: float
) -> None:
    assert lowest_score(MUG, found((box, label, 0.7))) == expected


def test_what_cannot_be_measured_has_no_score() -> None:
    assert lowest_score(found(), found(([1, 1, 2, 2], 0, 0.5))) is None
    assert lowest_score(MUG, found(), known=[1]) is None
    image = describe_image("a.png", (100, 100), MUG, {"verifier": found()}, {"verifier": [1]}, "targets")
    assert image["seen"] == {}


def test_boxes_are_rows_by_source() -> None:
    teacher = found(([10.04, 10, 20, 20], 0, 0.9)) | {"errors": ["correct"]}
    image = describe_image("a.png", (100, 80), MUG, {"teacher": teacher}, {}, "truth")
    assert image["boxes"] == {
        "truth": [[10.0, 10.0, 20.0, 20.0, 0]],
        "teacher": [[10.0, 10, 20, 20, 0, 0.9, "correct"]],
    }
    assert (image["w"], image["h"], image["seen"]) == (100, 80, {"teacher": 0.9})
