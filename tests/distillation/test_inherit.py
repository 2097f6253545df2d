"""Students that start from channels of their teacher."""

from functools import partial
from pathlib import Path

import pytest
import torch

from diode_pl.detector import Darknet, yolov3_tiny
from diode_pl.distillation.losses import Decoded
from diode_pl.distillation.module import Distillation
from diode_pl.training.optim import Recipe
from tests.training_run import ANCHORS, NAMES, run, some_data, tiny_detector, tiny_teacher


def narrow() -> Darknet:
    torch.manual_seed(3)
    return Darknet(yolov3_tiny(len(NAMES), 0.03, ANCHORS), None, NAMES, backbone_sections=13)


def distillation(student: Darknet, teacher: Darknet | None) -> Distillation:
    recipe = Recipe(partial(torch.optim.SGD, lr=0.05))
    return Distillation(student, teacher, {"decoded": Decoded()}, recipe, some_data(), inherit=True)


def test_a_narrower_student_starts_from_the_teacher_and_says_so() -> None:
    student, teacher = narrow(), tiny_teacher()
    module = distillation(student, teacher)
    rows = {tuple(row.flatten().tolist()) for row in teacher.layers[0].conv.weight}
    assert all(tuple(row.flatten().tolist()) in rows for row in student.layers[0].conv.weight)
    assert "weights of the teacher" in module.student_notes["data_access"]


def test_what_cannot_inherit_is_refused() -> None:
    with pytest.raises(ValueError, match="the teacher's Darknet network, but for narrower layers"):
        distillation(Darknet(yolov3_tiny(1, 0.03), None, ["mug"], backbone_sections=13), tiny_teacher())
    with pytest.raises(ValueError, match="inherit needs a teacher, and a student without weights of its own"):
        distillation(tiny_teacher(), tiny_teacher())


@pytest.mark.usefixtures("quick_report")
def test_a_run_that_inherits_is_none_from_scratch(tmp_path: Path) -> None:
    _, module = run(tmp_path, student=tiny_detector(), epochs=1)
    assert "weights of the teacher" not in str(module.provenance)
