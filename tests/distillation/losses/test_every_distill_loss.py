"""What every term of the student's objective owes."""

import math

import pytest
import torch

from diode_pl.distillation import losses
from diode_pl.distillation.losses import Decoded, Dicod, DistillationBatch, DistillLoss, ObjectnessScaled
from diode_pl.distillation.losses.dicod import DetectorAsClassifier
from diode_pl.targets import Targets
from tests.distillation.losses.batches import (
    IMAGES,
    SIZE,
    answer,
    clear_answer,
    learnable,
    make_batch,
    network,
    outputs,
)
from tests.tiny import no_boxes

EXPORTS = [getattr(losses, name) for name in losses.__all__]
KINDS = [kind for kind in EXPORTS if issubclass(kind, DistillLoss) and kind is not DistillLoss]
# The others compare features or crops, which the small batches here lack; tests of their own show the rest.
EVERY = [kind for kind in KINDS if kind.complete]
ARGUMENTS = {Dicod: {"classifier": DetectorAsClassifier(crop_size=16)}}
every = pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
taught = pytest.mark.parametrize("kind", [k for k in EVERY if k.needs_teacher], ids=lambda kind: kind.__name__)
GAINS = [(kind, key) for kind in (Decoded, ObjectnessScaled) for key in ("box", "classes", "objectness")]


def prepared(kind: type[DistillLoss], teacher, student) -> DistillLoss:
    loss = kind()
    loss.prepare(teacher if loss.needs_teacher else None, student, SIZE)
    return loss


def boxes() -> Targets:
    return Targets(torch.tensor([[0.1, 0.2, 0.5, 0.6], [0.3, 0.3, 0.9, 0.8]]), torch.tensor([0, 2]), torch.arange(2), 2)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf])
def test_weight_is_kept_and_must_be_sensible(kind: type[DistillLoss], weight: float) -> None:
    arguments = ARGUMENTS.get(kind, {})
    assert kind(weight=0.25, **arguments).weight == 0.25
    with pytest.raises(ValueError, match=f"{kind.__name__}: weight must be finite and >= 0, got {weight}"):
        kind(weight=weight, **arguments)


@pytest.mark.parametrize(("kind", "key"), GAINS)
def test_factors_of_parts_are_checked_and_scale_their_part(kind: type[DistillLoss], key: str) -> None:
    with pytest.raises(ValueError, match=f"{key} must be finite and >= 0, got -1"):
        kind(**{key: -1.0})
    net = network()
    given = make_batch(net, answer(net, seed=1), net, answer(net, seed=2))
    off, once, twice = (kind(**{"box": 0.0, "classes": 0.0, "objectness": 0.0, key: g}) for g in (0.0, 1.0, 2.0))
    for loss in (off, once, twice):
        loss.prepare(net, net, SIZE)
    assert off(given) == 0 and once(given) > 0
    torch.testing.assert_close(twice(given), 2 * once(given))


@taught
def test_a_teacher_is_asked_for(kind: type[DistillLoss]) -> None:
    with pytest.raises(ValueError, match=f"^teacher: {kind.__name__} needs one, got None; Detection"):
        kind().prepare(None, network(), SIZE)
    student = network()
    with pytest.raises(ValueError, match="expected a teacher and its outputs, got none"):
        prepared(kind, network(), student)(make_batch(student, answer(student)))


@every
def test_gradient_is_right(kind: type[DistillLoss]) -> None:
    teacher, student = network().double(), network(seed=1).double()
    loss = prepared(kind, teacher, student)
    told = outputs([head.double() for head in answer(teacher, seed=1).heads])
    heads = [head.double().requires_grad_() for head in answer(student, seed=2).heads]

    def term(*heads: torch.Tensor) -> torch.Tensor:
        return loss(DistillationBatch(IMAGES, student, teacher, outputs(heads), told, boxes()))

    assert torch.autograd.gradcheck(term, heads, fast_mode=True)
    term(*heads).backward()
    assert all(bool(head.grad.any()) for head in heads)


@every
@pytest.mark.parametrize("targets", [no_boxes(), boxes()], ids=["no boxes", "boxes"])
@pytest.mark.parametrize("scale", [1.0, 200.0], ids=["usual", "saturated"])
def test_the_term_and_its_gradient_are_finite(kind: type[DistillLoss], targets: Targets, scale: float) -> None:
    net = network()
    said = answer(net, seed=1, scale=scale)
    heads = learnable(said)
    term = prepared(kind, net, net)(
        DistillationBatch(IMAGES, net, net, said, answer(net, seed=2, scale=scale), targets)
    )
    term.backward()
    assert term.shape == () and term.isfinite() and term > 0
    assert all(bool(head.grad.isfinite().all()) for head in heads)


@taught
def test_nothing_is_paid_by_a_student_that_equals_the_teacher(kind: type[DistillLoss]) -> None:
    # Anchors so unlike that no two of them claim one object.
    net = network(coarse="6,6, 24,24", fine=None)
    said = clear_answer(net)
    heads = learnable(said)
    term = prepared(kind, net, net)(make_batch(net, said, net, clear_answer(net)))
    term.backward()
    assert abs(float(term.detach())) < 1e-5
    assert max(float(head.grad.abs().max()) for head in heads) < 1e-5


@taught
def test_the_teacher_gets_no_gradient(kind: type[DistillLoss]) -> None:
    teacher, student = network(), network(seed=1)
    images = torch.rand(2, 3, SIZE, SIZE)
    loss = prepared(kind, teacher, student)
    loss(make_batch(student, student(images), teacher, teacher(images))).backward()
    assert all(parameter.grad is None for parameter in teacher.parameters())
    assert all(parameter.grad is not None for parameter in student.parameters())


@every
def test_half_precision_is_computed_in_full(kind: type[DistillLoss]) -> None:
    teacher, student = network(), network(seed=1)
    loss = prepared(kind, teacher, student)
    # Whole numbers, which bfloat16 holds as they are; squares of theirs it does not.
    said, told = (outputs([h.round() for h in answer(student, seed=s, scale=9).heads]) for s in (1, 2))
    full = loss(DistillationBatch(IMAGES, student, teacher, said, told, boxes()))
    half = [outputs([head.bfloat16() for head in answers.heads]) for answers in (said, told)]
    heads = learnable(half[0])
    with torch.autocast("cpu", torch.bfloat16):
        term = loss(DistillationBatch(IMAGES, student, teacher, *half, boxes()))
    term.backward()
    assert term.dtype == torch.float32
    torch.testing.assert_close(term, full)
    assert all(head.grad.dtype == torch.bfloat16 and bool(head.grad.isfinite().all()) for head in heads)


@every
def test_a_loss_has_no_state_of_its_own(kind: type[DistillLoss]) -> None:
    net = network()
    assert not prepared(kind, net, net).state_dict(), "a checkpoint holds what is learned"
