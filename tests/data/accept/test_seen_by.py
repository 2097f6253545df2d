"""Boxes that a detector sees."""

import pytest

from diode_pl.data.accept import SeenBy
from diode_pl.provenance import VERIFIER, Provenance

BOX = {"boxes": [[0.0, 0.0, 9.0, 9.0]], "labels": [1]}


def judge(score: float, role: str = "teacher", known: list[int] | None = None) -> list[str | None]:
    record = {"images": [BOX], "detections": {"teacher": [BOX | {"scores": [score]}]}}
    record |= {"known_classes": {"teacher": known}} if known is not None else {}
    return list(SeenBy(role, confidence=0.3).start()(record)[0].boxes)


def test_a_box_is_seen_from_the_confidence_on() -> None:
    assert judge(0.3) == [None] and judge(0.29) == ["not seen by the teacher"]


def test_what_cannot_be_measured_is_accepted() -> None:
    assert judge(0.1, role="verifier") == [], "it did not look"
    assert judge(0.1, known=[0]) == [None], "it does not know the class"


def test_a_choice_of_the_verifier_is_stated() -> None:
    assert SeenBy("verifier").provenance == VERIFIER and SeenBy("teacher").provenance == Provenance()


@pytest.mark.parametrize(
    "wrong", [{"role": "student"}, {"confidence": 0.01}, {"confidence": 1.1}, {"iou": 0.0}], ids=str
)
def test_values_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))} must be"):
        SeenBy(**{"role": "teacher"} | wrong)
