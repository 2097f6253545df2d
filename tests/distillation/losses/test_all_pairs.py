"""Every kind of detector teaches every other, over heads of another build."""

import itertools
from collections.abc import Callable

import pytest
import torch

from diode_pl.distillation.losses import FKD, Decoded, DistillationBatch, DistillLoss
from tests.detector.detectors import CASES, NAMES, SIZE, small, some_images, some_targets

WAYS: dict[str, Callable[[], DistillLoss]] = {"decoded": Decoded, "fkd": FKD}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("teacher_name", "student_name"), list(itertools.product(CASES, CASES)))
def test_a_few_steps_lower_the_loss(teacher_name: str, student_name: str, way: str) -> None:
    teacher, images = small(teacher_name).freeze(), some_images()
    torch.manual_seed(1)
    student = CASES[student_name].lively(NAMES).train()
    loss = WAYS[way]()
    loss.prepare(teacher, student, SIZE)
    parameters = [p for p in (*student.parameters(), *loss.parameters()) if p.requires_grad]
    optimizer, history = torch.optim.Adam(parameters, 1e-3), []
    with torch.no_grad():
        taught = teacher(images)
    while len(history) < 3 or (len(history) < 8 and history[-1] >= history[0]):  # Adam's first steps are large
        term = loss(DistillationBatch(images, student, teacher, student(images), taught, some_targets()))
        optimizer.zero_grad()
        term.backward()
        optimizer.step()
        history.append(float(term.detach()))
    assert history[-1] < history[0], history
    norms = [p.grad.norm() for p in student.parameters() if p.grad is not None]
    assert norms and all(bool(norm.isfinite()) for norm in norms)
