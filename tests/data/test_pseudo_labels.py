import logging

import pytest
import torch

from diode_pl.data.pseudo_labels import LabelPolicy, find_unknown_classes
from diode_pl.detector import Detections
from diode_pl.distillation.losses import DistillationBatch
from diode_pl.targets import Targets
from tests.distillation.losses.batches import IMAGES, NAMES, answer, network

HERE, NEAR, THERE = [0.1, 0.1, 0.5, 0.5], [0.12, 0.1, 0.52, 0.5], [0.6, 0.6, 0.9, 0.9]


def found(*boxes: tuple[list[float], int]) -> Detections:
    return Detections(torch.tensor([b for b, _ in boxes]).view(-1, 4), torch.ones(len(boxes)), labels(boxes))


def labels(boxes: tuple[tuple[list[float], int], ...]) -> torch.Tensor:
    return torch.tensor([label for _, label in boxes], dtype=torch.long)


def labeled(
    source: LabelPolicy, given: list[list], seen: list[Detections], names: tuple[str, ...] = NAMES
) -> tuple[list[list], dict[str, float]]:
    """Boxes an image, as (box, label), and what was counted."""
    teacher, student = network(names=names), network()
    teacher.predict = lambda outputs, confidence: seen  # type: ignore[method-assign]
    targets = Targets.from_images([(torch.tensor([b for b, _ in each]), labels(each)) for each in given])
    batch = DistillationBatch(IMAGES, student, teacher, answer(student), answer(teacher), targets)
    chosen, counts = source(targets, batch.teacher_detections)
    pairs = [list(zip(boxes.tolist(), label.tolist(), strict=True)) for boxes, label in chosen.per_image()]
    return rounded(pairs), {name: float(count) for name, count in counts.items()}


def rounded(images: list[list]) -> list[list]:
    return [[([round(x, 4) for x in box], label) for box, label in image] for image in images]


GIVEN = [[(HERE, 0), (THERE, 1)], [(HERE, 2)]]
SEEN = [found((NEAR, 0), (THERE, 2)), found((THERE, 1))]  # the first agrees, the second has another class


@pytest.mark.parametrize(
    ("source", "expected", "counts"),
    [
        (LabelPolicy(), GIVEN, {}),
        (LabelPolicy(agreement=True), [[(HERE, 0)], []], {"sampled": 1.5, "dropped": 1, "added": 0}),
        (
            LabelPolicy("teacher"),
            [[(NEAR, 0), (THERE, 2)], [(THERE, 1)]],
            {"sampled": 0, "dropped": 0, "added": 1.5},
        ),
        (
            LabelPolicy("union"),
            [[(HERE, 0), (THERE, 1), (THERE, 2)], [(HERE, 2), (THERE, 1)]],
            {"sampled": 1.5, "dropped": 0, "added": 1},
        ),
        (
            LabelPolicy("union", agreement=True),
            [[(HERE, 0), (THERE, 2)], [(THERE, 1)]],
            {"sampled": 1.5, "dropped": 1, "added": 1},
        ),
        (LabelPolicy("union", iou=1.0), [[*GIVEN[0], (NEAR, 0), (THERE, 2)], [(HERE, 2), (THERE, 1)]], None),
    ],
)
def test_takes_the_boxes_that_it_says(source: LabelPolicy, expected: list[list], counts: dict | None) -> None:
    boxes, counted = labeled(source, GIVEN, SEEN)
    assert boxes == rounded(expected)
    assert counts is None or counted == counts


def test_boxes_that_are_switched_off_neither_count_nor_hide_what_the_teacher_finds() -> None:
    seen = Targets.from_images([(torch.tensor([HERE]), torch.tensor([0])), (torch.zeros(0, 4), torch.zeros(0).long())])
    off = Targets(torch.tensor([HERE]), torch.tensor([0]), torch.tensor([0]), 2, torch.tensor([False]))
    chosen, counts = LabelPolicy("union", agreement=True)(off, lambda confidence: seen)
    assert chosen.valid.tolist() == [False, True]
    assert {name: float(count) for name, count in counts.items()} == {"sampled": 0, "dropped": 0, "added": 0.5}


def test_detections_take_the_students_class_numbering() -> None:
    boxes, _ = labeled(LabelPolicy("teacher"), [[], []], [found((HERE, 0), (THERE, 1)), found()], ("owl", NAMES[2]))
    assert boxes == [[(THERE, 2)], []]


def test_whole_numbers_where_they_are_asked_for() -> None:
    given, seen = (
        Targets.from_images([(torch.tensor(boxes), torch.tensor([0, 1]))] * 3) for boxes in ([HERE, THERE],) * 2
    )
    seen = seen.keep(seen.labels == 0).compact()
    chosen, counts = LabelPolicy(agreement=True).select(given, lambda confidence: seen)
    assert int(chosen.valid.sum()) == 3
    assert {name: int(count) for name, count in counts.items()} == {"sampled": 6, "dropped": 3, "added": 0}
    assert LabelPolicy().select(given, lambda confidence: pytest.fail("is asked"))[1] == {}


def test_nothing_labeled_and_nothing_found() -> None:
    boxes, counts = labeled(LabelPolicy("union", agreement=True), [[], []], [found(), found()])
    assert boxes == [[], []] and set(counts.values()) == {0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": "given"}, "sampled, teacher, union, got 'given'"),
        ({"confidence": 1.0}, "^confidence and iou must be in"),
        ({"iou": 0.0}, "^confidence and iou must be in"),
    ],
)
def test_bad_input(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LabelPolicy(**arguments)


def test_classes_that_the_teacher_lacks_are_named(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    assert find_unknown_classes(("cup", "Cat", "owl"), ("dog", "cat")) == ["cup", "owl"]
    assert caplog.messages == ["label_source: the teacher has no such class, and sees none of these: cup, owl"]
    assert find_unknown_classes(("cat",), ("dog", "cat")) == [] and len(caplog.messages) == 1
