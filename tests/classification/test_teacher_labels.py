"""What a teacher says of the labeled objects of a data set."""

from collections.abc import Callable

import pytest
import torch

from diode_pl.classification.crops import find_objects
from diode_pl.classification.teacher_labels import TeacherLabeler
from diode_pl.data.cache import InMemory
from diode_pl.data.pseudo_labels import LabelPolicy
from diode_pl.data.readers import ImageSet
from diode_pl.targets import Targets
from tests.data.colored import Colored
from tests.data.knowing import SCORE, knowing
from tests.data.painted import Painted

AGREEMENT = LabelPolicy(agreement=True)


def asked(
    source: ImageSet, sees: Callable[[int, int], bool], label_source: LabelPolicy = AGREEMENT, workers: int = 0
) -> tuple[Targets, dict[str, int]]:
    return TeacherLabeler(label_source, knowing(source, sees), source).find_objects(source, "cpu", workers)


def same(one: Targets, other: Targets) -> bool:
    pairs = ((one.image_index, other.image_index), (one.boxes, other.boxes), (one.labels, other.labels))
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("workers", [0, 1])
def test_keeps_the_objects_that_the_teacher_sees_and_counts_the_others(workers: int) -> None:
    source = Colored(20)  # more than one batch
    found, counts = asked(source, lambda i, k: (2 * i + k) % 5 > 0, workers=workers)
    every = find_objects(source)
    expected = every.select(torch.arange(40) % 5 > 0)
    assert same(found, expected) and counts == {"sampled": 40, "dropped": 8, "added": 0}
    everything, counts = asked(InMemory(source, 0, "images"), lambda i, k: True, workers=workers)
    assert same(everything, every) and counts["dropped"] == 0


def test_another_class_or_another_place_is_no_agreement() -> None:
    source = Colored(6)
    teacher = knowing(source, lambda i, k: True)
    right, predict = TeacherLabeler(AGREEMENT, teacher, source), teacher.predict

    def elsewhere(outputs, confidence):
        found = predict(outputs, confidence)
        found[1].labels.add_(1).remainder_(3)
        found[2].boxes.add_(0.1)  # less than half of their area remains
        return found

    teacher.predict = elsewhere
    found, counts = right.find_objects(source, "cpu", 0)
    assert found.image_index.unique().tolist() == [0, 3, 4, 5] and counts["dropped"] == 4
    found, counts = TeacherLabeler(LabelPolicy(agreement=True, iou=0.1), teacher, source).find_objects(source, "cpu", 0)
    assert found.image_index.unique().tolist() == [0, 2, 3, 4, 5] and counts["dropped"] == 2


def test_objects_are_of_the_images_that_can_be_used() -> None:
    source = Painted(24, bad=(0, 7, 17))
    opened = InMemory(source, 0, "images")
    found, counts = asked(opened, lambda i, k: opened.indices[i] != 9)
    assert [opened.indices[i] for i in found.image_index] == [i for i in range(24) if i not in (0, 7, 9, 17)]
    assert found.labels.tolist() == [opened.indices[i] % 3 for i in found.image_index]
    assert counts == {"sampled": 21, "dropped": 1, "added": 0} and found.batch_size == 21


def test_what_the_teacher_finds_can_be_objects_too() -> None:
    source = Colored(6)
    found, counts = asked(source, lambda i, k: k == 0, LabelPolicy("teacher"))
    assert same(found, find_objects(source).select(torch.arange(12) % 2 == 0))
    assert counts == {"sampled": 0, "dropped": 0, "added": 6}
    found, counts = asked(source, lambda i, k: k == 0, LabelPolicy("union"))
    assert same(found, find_objects(source)) and counts == {"sampled": 12, "dropped": 0, "added": 0}


def test_classes_are_those_of_the_same_name(caplog: pytest.LogCaptureFixture) -> None:
    source = Colored(6)
    teacher = knowing(source, lambda i, k: True, names=("blue", "owl", "red", "green"))
    found, _ = TeacherLabeler(AGREEMENT, teacher, source).find_objects(source, "cpu", 0)
    assert same(found, find_objects(source)) and "no such class" not in caplog.text
    TeacherLabeler(AGREEMENT, knowing(Colored(1, (1,), ("red",)), lambda i, k: True), source)
    assert "label_source: the teacher has no such class, and sees none of these: green, blue" in caplog.text


def test_the_teacher_stays_as_it_is() -> None:
    source = Colored(4)
    teacher = knowing(source, lambda i, k: True)
    before = teacher.fingerprint()
    TeacherLabeler(AGREEMENT, teacher, source).find_objects(source, "cpu", 0)
    assert teacher.fingerprint() == before and not teacher.training
    assert not any(parameter.requires_grad for parameter in teacher.parameters())


def test_what_is_wrong_is_said() -> None:
    source = Colored(4)
    sees = LabelPolicy(agreement=True, confidence=SCORE)
    with pytest.raises(ValueError, match=r"none of the 8 labeled objects in 4 images counts.*above 0\.5\. Take"):
        asked(source, lambda i, k: True, sees)
    other = knowing(Colored(1, (1,), ("owl",)), lambda i, k: True)
    with pytest.raises(ValueError, match=r"no class of the training images.*\['owl'\]"):
        TeacherLabeler(AGREEMENT, other, source)
    teacher = knowing(source, lambda i, k: True)
    said = r"^train\.resolution must .* at least {} px, for the teacher of label_source, got {} px; .* {}$"
    with pytest.raises(ValueError, match=said.format(8, 36, 32)):
        TeacherLabeler(AGREEMENT, teacher, Painted(2, side=36))
    teacher.smallest = 64
    with pytest.raises(ValueError, match=said.format(64, 48, 64)):
        TeacherLabeler(AGREEMENT, teacher, source)
