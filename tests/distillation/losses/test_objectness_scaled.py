import math

import pytest
import torch

from diode_pl.detector import Outputs
from diode_pl.distillation.losses import ObjectnessScaled
from tests.distillation.losses.batches import answer, make_batch, network, outputs


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def by_hand(said: Outputs, told: Outputs, box: float, classes: float, objectness: float) -> float:
    """The sums of the paper, row by row, over the sum of the teacher's objectness."""
    total = seen = 0.0
    for student, teacher in zip(said.heads, told.heads, strict=True):
        for s, t in zip(student.flatten(0, 3).tolist(), teacher.flatten(0, 3).tolist(), strict=True):
            o = sigmoid(t[4])
            place = sum((sigmoid(a) - sigmoid(b)) ** 2 for a, b in zip(s[:2], t[:2], strict=True))
            size = sum((a - b) ** 2 for a, b in zip(s[2:4], t[2:4], strict=True))
            kinds = sum((sigmoid(a) - sigmoid(b)) ** 2 for a, b in zip(s[5:], t[5:], strict=True))
            total += objectness * (sigmoid(s[4]) - o) ** 2 + o * box * (place + size) + o * classes * kinds
            seen += o
    return total / max(1.0, seen)


def test_value() -> None:
    net = network()
    said, told = answer(net, seed=1), answer(net, seed=2)
    term = ObjectnessScaled(box=0.5, classes=2.0, objectness=3.0)(make_batch(net, said, net, told))
    assert float(term) == pytest.approx(by_hand(said, told, 0.5, 2.0, 3.0), rel=1e-5)


def test_where_the_teacher_sees_nothing_boxes_and_classes_are_free() -> None:
    net = network()
    said, told = answer(net, seed=1, scale=3), answer(net, seed=2, scale=3)
    for head in (*said.heads, *told.heads):
        head[..., 4] = -30
    assert 0 <= float(ObjectnessScaled()(make_batch(net, said, net, told))) < 1e-6


def test_neither_more_images_nor_more_empty_cells_change_the_term() -> None:
    net = network()
    said, told = answer(net, seed=1), answer(net, seed=2)
    once = ObjectnessScaled()(make_batch(net, said, net, told))
    twice = [outputs([torch.cat([head, head]) for head in answers.heads]) for answers in (said, told)]
    torch.testing.assert_close(ObjectnessScaled()(make_batch(net, twice[0], net, twice[1])), once)
    for answers in twice:
        for head in answers.heads:
            head[2:, ..., 4] = -30
    torch.testing.assert_close(ObjectnessScaled()(make_batch(net, twice[0], net, twice[1])), once)
