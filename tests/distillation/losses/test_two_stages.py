"""Every way of teaching, to and from detectors of two stages."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from diode_pl.detector import Detector
from diode_pl.distillation.losses import FKD, Decoded, Detection, Dicod, DistillationBatch, DistillLoss, Mimic
from diode_pl.distillation.losses.dicod import DetectorAsClassifier
from diode_pl.distillation.losses.fkd import Method
from diode_pl.targets import Targets
from tests.detector.torchvision.small_networks import NAMES, SIZE, faster_rcnn, images
from tests.distillation.losses.batches import network

TARGETS = Targets(torch.tensor([[0.1, 0.1, 0.5, 0.6], [0.3, 0.3, 0.9, 0.8]]), torch.tensor([0, 2]), torch.arange(2), 2)
WAYS: dict[str, Callable[[], DistillLoss]] = {
    "decoded": Decoded,
    "detection": Detection,
    "dicod": lambda: Dicod(DetectorAsClassifier(crop_size=16), localization_warmup_steps=0),
    "dicod_sigmoid": lambda: Dicod(
        DetectorAsClassifier(crop_size=16), form="l1_normalized", localization_warmup_steps=0
    ),
    "fkd_code": lambda: FKD(method=Method(4e-3, 7e-5, 7e-5, 0.5, channel_mask="none"), balance=1.0),
    "fkd_paper": lambda: FKD(method=Method(7e-5, 4e-3, 7e-5, 0.1, "paper", "absolute"), balance=1.0),
    "mimic": Mimic,
}


def one_stage(seed: int = 0) -> Detector:
    return network(coarse="12,12, 30,30", fine="8,8", names=NAMES, seed=seed)


def steps(way: str, student: Detector, teacher: Detector, count: int) -> tuple[list[float], set[str]]:
    """The loss before each step, and the layers that have got gradient."""
    teacher.freeze()
    before = teacher.fingerprint()
    loss = WAYS[way]()
    loss.prepare(teacher, student, SIZE)
    optimizer = torch.optim.Adam([*student.parameters(), *loss.parameters()], 2e-3)
    history, reached, given = [], set[str](), images()
    for _ in range(count):
        optimizer.zero_grad()
        said = student.train()(given)
        with torch.no_grad():
            told = teacher(given)
        term = loss(DistillationBatch(given, student, teacher, said, told, TARGETS))
        term.backward()
        optimizer.step()
        history.append(float(term.detach()))
        reached |= {name for name, p in student.named_parameters() if p.grad is not None and bool(p.grad.any())}
    assert teacher.fingerprint() == before
    return history, reached


@pytest.mark.parametrize("way", [way for way in WAYS if way != "dicod_sigmoid"])
def test_two_steps_between_two_stages_each(way: str) -> None:
    student = faster_rcnn(seed=1)
    history, reached = steps(way, student, faster_rcnn(seed=0), 2)
    assert all(value > 0 and value == value for value in history) and history[1] < history[0], history
    parts = {"backbone", "rpn.head.cls_logits", "rpn.head.bbox_pred", "cls_score", "roi_heads.box_predictor.bbox_pred"}
    there = {part for part in parts if any(part in name for name in reached)}
    expected = {"fkd": {"backbone"}, "dicod": parts - {"rpn.head.cls_logits", "rpn.head.bbox_pred"}}
    assert there == expected.get(way.partition("_")[0], parts)


@pytest.mark.parametrize("way", ["decoded", "dicod", "fkd_code"])
def test_two_steps_from_one_stage_to_two(way: str) -> None:
    history, reached = steps(way, faster_rcnn(), one_stage(), 2)
    assert all(value > 0 for value in history) and history[1] < history[0] and reached, history


@pytest.mark.parametrize("way", ["decoded", "dicod_sigmoid", "fkd_code"])
def test_two_steps_from_two_stages_to_one(way: str) -> None:
    history, reached = steps(way, one_stage(), faster_rcnn(), 2)
    assert all(value > 0 for value in history) and history[1] < history[0] and reached, history


@torch.no_grad()
@pytest.mark.parametrize("second", ["box_predictor", "cls_logits"])
def test_decoded_teaches_each_stage_by_itself(second: str) -> None:
    """The terms of both stages are no one's but their own, behind the features."""
    student, teacher = faster_rcnn(seed=1), faster_rcnn(seed=0).freeze()
    loss = Decoded()
    loss.prepare(teacher, student, SIZE)
    before = float(loss(DistillationBatch(images(), student, teacher, student(images()), teacher(images()), TARGETS)))
    for name, layer in student.named_modules():
        if second in name and isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.constant_(layer.bias, 9.0)
    after = float(loss(DistillationBatch(images(), student, teacher, student(images()), teacher(images()), TARGETS)))
    assert after != pytest.approx(before, rel=0.01)


def test_a_student_of_two_stages_comes_to_agree_with_a_teacher_of_one() -> None:
    history, _ = steps("decoded", faster_rcnn(seed=1), one_stage(), 10)
    assert history[-1] < 0.7 * history[0], history
