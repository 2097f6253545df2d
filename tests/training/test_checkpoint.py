"""What is read of a checkpoint, and what is refused."""

from pathlib import Path

import pytest
import torch
from torch import nn

from diode_pl.training.checkpoint import Checkpoint
from tests.training.run_folders import finish
from tests.training_run import ANCHORS, tiny_detector


@pytest.mark.parametrize("content", [b"", b"no checkpoint", "cut", "other"])
def test_says_what_no_checkpoint_is(tmp_path: Path, content: bytes | str) -> None:
    finish(tmp_path, 1)
    path = tmp_path / "given.ckpt"
    if content == "other":
        torch.save({"weight": torch.ones(2)}, path)
    else:
        path.write_bytes(content if isinstance(content, bytes) else (tmp_path / "student.ckpt").read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"given\.ckpt is not a checkpoint of a training, or is damaged"):
        Checkpoint.read(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ckpt: .*nowhere\.ckpt does not exist"):
        Checkpoint.read(tmp_path / "nowhere.ckpt")


def test_only_tensors_of_the_named_parts_are_compared(tmp_path: Path) -> None:
    state = {"student.weight": torch.ones(2, 1), "objective.weight": torch.ones(3)}
    torch.save({"state_dict": state, "distillation": {}}, tmp_path / "a.ckpt")
    found, module = Checkpoint.read(tmp_path / "a.ckpt"), nn.ModuleDict({"student": nn.Linear(1, 2, bias=False)})
    assert found.epochs == 0 and found.weights_of("student").keys() == {"weight"}
    found.require_same_shapes(module, {"student.": ("student", "")})
    with pytest.raises(ValueError, match=r"another loss, 1 tensors differ; objective\.weight is \(3,\) there"):
        found.require_same_shapes(module, {"objective.": ("loss", "Go back.")})


@pytest.mark.parametrize("state", [None, {1: torch.ones(1)}, {"student.weight": 3}])
def test_a_state_that_is_none(tmp_path: Path, state: object) -> None:
    torch.save({"state_dict": state, "distillation": {}}, tmp_path / "a.ckpt")
    with pytest.raises(ValueError, match="a.ckpt is not a checkpoint of a training"):
        Checkpoint.read(tmp_path / "a.ckpt")


def test_what_is_found_instead_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.ckpt").write_text("hello")
    with pytest.raises(
        ValueError, match="a.ckpt is not a checkpoint of a training, or is damaged, found text, 'hello'"
    ):
        Checkpoint.read(tmp_path / "a.ckpt")


def test_a_student_must_be_finite_and_have_the_names(tmp_path: Path) -> None:
    content = {"state_dict": {"student.weight": torch.ones(2)}, "distillation": {}}
    found = Checkpoint(tmp_path / "a.ckpt", content, "distillation")
    found.require_student(tiny_detector(names=["any"]))  # of an earlier version, which did not store names
    found = Checkpoint(found.path, content | {"student": {"class_names": '["cat", "dog"]'}}, found.part)
    found.require_student(tiny_detector(names=["cat", "dog"]))
    with pytest.raises(ValueError, match=r"^names: class 0 is 'cat' in .*a.ckpt, not 'dog'"):
        found.require_student(tiny_detector(names=["dog", "cat"]))
    content["state_dict"]["student.weight"][1] = torch.nan
    with pytest.raises(ValueError, match=r"^ckpt: .*a.ckpt: found numbers that are not finite, NaN in weight"):
        found.require_student(tiny_detector(names=["cat", "dog"]))


def test_a_student_has_the_anchors_that_no_tensor_holds(tmp_path: Path) -> None:
    student, other = tiny_detector(), tiny_detector(anchors=[2 * anchor for anchor in ANCHORS])
    content = {"state_dict": {}, "distillation": {}, "student": student.weights_metadata() | {"resolution": "96"}}
    found = Checkpoint(tmp_path / "a.ckpt", content, "distillation")
    found.require_student(student)
    assert found.resolution == 96
    with pytest.raises(ValueError, match=r"^ckpt: .*a.ckpt is of a student of the same layers but other settings"):
        found.require_student(other)
