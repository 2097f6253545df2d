import pytest
import torch

from diode_pl.distill.shared_classes import SharedClasses
from tests.distill.lessons import NAMES, network


def test_classes_are_matched_by_name_and_keep_their_numbers() -> None:
    shared = SharedClasses()
    assert not len(shared.teacher)
    shared.match({"cup": 7, "Cat": 2, "cow": 0}, network(names=NAMES))
    assert list(zip(shared.teacher.tolist(), shared.student.tolist(), strict=True)) == [(2, 0), (7, 2)]
    assert not shared.state_dict() and shared.to(torch.device("meta")).teacher.is_meta


def test_none_in_common_is_an_error_that_says_who_knows_what() -> None:
    said = r"share no class: the expert's are \['cow'\].*\['cat', 'dog', 'cup'\].*expert knows \(student\.names\)"
    with pytest.raises(ValueError, match=said):
        SharedClasses().match({"cow": 0}, network(), "expert")
    with pytest.raises(ValueError, match="share no class"):
        SharedClasses().match({}, network())
