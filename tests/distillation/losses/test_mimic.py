import numpy as np
import pytest
import torch

from diode_pl.distillation.losses import DistillationBatch, Mimic
from tests.detector.torchvision.small_networks import faster_rcnn, images
from tests.distillation.losses.batches import answer, make_batch, network, outputs
from tests.tiny import no_boxes


def test_value_is_the_mean_of_each_head_added() -> None:
    net = network()
    said, told = answer(net, seed=1), answer(net, seed=2)
    heads = zip(said.heads, told.heads, strict=True)
    expected = sum(float(np.mean((a.double().numpy() - b.double().numpy()) ** 2)) for a, b in heads)
    assert float(Mimic()(make_batch(net, said, net, told))) == pytest.approx(expected, rel=1e-5)


def test_a_large_head_weighs_no_more_than_a_small_one() -> None:
    net = network()
    told = answer(net)
    one_off = [outputs([head + (i == j) for j, head in enumerate(told.heads)]) for i in range(2)]
    for said in one_off:
        assert float(Mimic()(make_batch(net, said, net, told))) == pytest.approx(1, rel=1e-4)


def test_logits_count_even_where_probabilities_agree() -> None:
    net = network()
    said, told = (outputs([torch.full_like(head, v) for head in answer(net).heads]) for v in (40.0, 50.0))
    assert float(Mimic()(make_batch(net, said, net, told))) == pytest.approx(200)


def test_squares_do_not_overflow() -> None:
    net = network()
    said, told = (outputs([torch.full_like(head, v).half() for head in answer(net).heads]) for v in (-400.0, 400.0))
    assert float(Mimic()(make_batch(net, said, net, told))) == pytest.approx(2 * 800**2)


@torch.no_grad()
def test_second_stages_are_compared_at_the_teachers_proposals() -> None:
    teacher, student = faster_rcnn(), faster_rcnn(seed=1)
    said, told = student.train()(images()), teacher(images())
    loss = Mimic()
    loss.prepare(teacher, student, 64)
    found = float(loss(DistillationBatch(images(), student, teacher, said, told, no_boxes())))
    first = [(a - b).square().mean() for a, b in zip(said.heads, told.heads, strict=True)]
    rows, wanted = student.heads_on_proposals_of(said, told)[-1], teacher.heads_on_proposals_of(told, told)[-1]
    assert found == pytest.approx(float(sum(first) + (rows - wanted).square().mean()), rel=1e-5)
    # Other proposals of its own change nothing in a student that says the same of each.
    assert float(loss(DistillationBatch(images(), teacher, teacher, told, told, no_boxes()))) == 0
