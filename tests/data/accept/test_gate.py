"""The rules of a set together."""

from diode_pl.data.accept import Gate, Saturation, SeenBy
from diode_pl.provenance import VERIFIER

RULES = {"seen": SeenBy("teacher"), "saturation": Saturation(0.5), "removed": None}
TWO = {"boxes": [[0.0, 0.0, 9.0, 9.0], [20.0, 20.0, 9.0, 9.0]], "labels": [1, 1]}


def mark(seen: list[float], saturation: float) -> dict:
    record = {"images": [TWO], "detections": {"teacher": [TWO | {"scores": seen}]}, "saturation": [saturation]}
    return Gate(RULES).start()(record)[0]


def test_an_image_with_one_accepted_box_is_accepted_and_the_other_box_is_not() -> None:
    image = mark([0.9, 0.1], 0.1)
    assert image["accepted"] and not image["reasons"]
    assert [box["accepted"] for box in image["boxes"]] == [True, False]
    assert image["boxes"][1]["reasons"] == {"seen": "not seen by the teacher"}


def test_without_an_accepted_box_the_image_is_not_accepted_for_their_reason() -> None:
    image = mark([0.1, 0.1], 0.1)
    assert not image["accepted"] and image["reasons"] == {"seen": "not seen by the teacher"}


def test_every_rule_that_objects_is_named() -> None:
    assert set(mark([0.1, 0.1], 0.9)["reasons"]) == {"seen", "saturation"}
    assert set(mark([0.9, 0.9], 0.9)["reasons"]) == {"saturation"}


def test_images_without_boxes_need_none() -> None:
    empty = {"boxes": [], "labels": []}
    record = {"images": [empty], "detections": {"teacher": [empty | {"scores": []}]}, "saturation": [0.0]}
    assert Gate(RULES).start()(record)[0]["accepted"]


def test_the_choice_depends_on_what_its_rules_use() -> None:
    assert not Gate(RULES).provenance and Gate({"verifier": SeenBy("verifier")}).provenance == VERIFIER
