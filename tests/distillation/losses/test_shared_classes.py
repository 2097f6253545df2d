import logging

import pytest
import torch

from diode_pl.distillation.losses.shared_classes import SharedClasses, shared_labels
from tests.distillation.losses.batches import NAMES, network


def test_classes_are_matched_by_name_and_keep_their_numbers() -> None:
    shared = SharedClasses()
    assert not len(shared.teacher)
    shared.match({"cup": 7, "Cat": 2, "cow": 0}, network(names=NAMES))
    assert list(zip(shared.teacher.tolist(), shared.student.tolist(), strict=True)) == [(2, 0), (7, 2)]
    assert not shared.state_dict() and shared.to(torch.device("meta")).teacher.is_meta


def test_none_in_common_is_an_error_that_says_who_knows_what() -> None:
    said = r"^student and expert: they share no class, the expert's are \['cow'\].*\['cat', 'dog', 'cup'\]"
    with pytest.raises(ValueError, match=said):
        SharedClasses().match({"cow": 0}, network(), "expert")
    with pytest.raises(ValueError, match="share no class"):
        SharedClasses().match({}, network())


def test_what_only_one_of_two_detectors_knows_is_named(caplog: pytest.LogCaptureFixture) -> None:
    teacher, student = network(names=("tvmonitor", "cow", "CAT", "bus")), network(names=("cat", "dog", "tv"))
    assert shared_labels(teacher, student) == [0, 2]
    of_student, of_teacher = (record for record in caplog.records if record.levelno == logging.WARNING)
    said = of_student.getMessage()
    assert said.startswith("student: ") and " 1 of its classes" in said and said.endswith("not evaluated on them: dog")
    said = of_teacher.getMessage()
    assert said.startswith("teacher: ") and " 2 of its classes" in said and said.endswith("are dropped: cow, bus")


def test_nothing_is_said_of_the_same_classes_and_not_all_of_many(caplog: pytest.LogCaptureFixture) -> None:
    assert shared_labels(network(names=NAMES), network(names=NAMES[::-1])) == [0, 1, 2]
    assert not caplog.records
    many = [f"class{i}" for i in range(13)]
    assert shared_labels(network(names=many), network(names=many[:1])) == [0]
    assert caplog.messages[0].endswith("class9, class10 and 2 more") and " 12 of its" in caplog.messages[0]
