"""Distances between the inputs of norm layers of two detectors."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from diode_pl.detector import Darknet, Detector, record_inputs
from diode_pl.distillation.losses import BlockFeatures, DistillationBatch
from diode_pl.distillation.losses.block_features.regression import regression_distance
from tests.detector import detectors
from tests.detector.detectors import BUILDS, small, some_images
from tests.distillation.losses.batches import SIZE, network
from tests.tiny import TinyDetector, no_boxes


def images(size: int = SIZE, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0), dtype=dtype)


def lively(detector: Detector) -> Detector:
    """With norm statistics that differ from layer to layer and from channel to channel, from 0.01 to 1."""
    draw = torch.Generator().manual_seed(1)
    for layer in detector.norm_layers():
        layer.running_var.copy_(10 ** (2 * torch.rand(layer.running_var.shape, generator=draw) - 2))
    return detector


def run(teacher: Detector, student: Detector, given: Tensor) -> DistillationBatch:
    """A batch as a training makes it, but that the teacher's pass could have a gradient."""
    with record_inputs(teacher.norm_layers(), lambda features: features) as of_teacher:
        taught = teacher(given)
    with record_inputs(student.norm_layers(), lambda features: features) as of_student:
        said = student(given)
    return DistillationBatch(given, student, teacher, said, taught, no_boxes(), of_student, of_teacher)


def value(batch: DistillationBatch, **options: float) -> Tensor:
    loss = BlockFeatures(**options)
    loss.prepare(batch.teacher, batch.student, batch.images.shape[-1])
    return loss(batch)


def convolved(detector: Darknet, given: Tensor) -> list[np.ndarray]:
    """What the first three convolutions give, computed layer by layer."""
    maps = []
    for block in detector.layers[:3]:
        given = block.conv(given)
        maps.append(given.detach().double().numpy())
        own = (block.norm.running_mean, block.norm.running_var) if not detector.training else (None, None)
        given = nn.functional.batch_norm(
            given, *own, block.norm.weight, block.norm.bias, detector.training, 0.0, block.norm.eps
        )
        given = nn.functional.leaky_relu(given, 0.1)
    return maps


@torch.no_grad()
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_it_is_the_smooth_l1_of_what_enters_the_norm_layers(layout: torch.memory_format) -> None:
    teacher, student = lively(network(seed=1)).freeze(), lively(network()).train()
    given = images().contiguous(memory_format=layout)
    means, steep = [], []
    for own, other, layer in zip(
        convolved(student, given), convolved(teacher, given), teacher.norm_layers(), strict=True
    ):
        deviation = np.sqrt(layer.running_var.double().numpy() + layer.eps)
        distance = np.abs(own - other) / deviation[:, None, None]
        means.append(np.where(distance < 1, distance**2 / 2, distance - 0.5).mean())
        steep.append((distance > 1).mean())
    assert all(0.02 < share < 0.98 for share in steep), steep
    for detector in (teacher, student):
        detector.to(memory_format=layout)
    batch = run(teacher, student, given)
    assert float(value(batch)) == pytest.approx(160 * np.mean(means), rel=1e-5)
    assert float(value(batch, like=2.5)) == pytest.approx(2.5 * np.mean(means), rel=1e-5)


def test_the_gradient_is_that_of_torchs_own_smooth_l1() -> None:
    teacher, student = lively(network(seed=1)).double().freeze(), network().double().train()
    batch = run(teacher, student, images(dtype=torch.float64))
    leaves, terms = [own for (own,) in batch.student_norm_inputs], []
    for own, (other,), layer in zip(leaves, batch.teacher_norm_inputs, teacher.norm_layers(), strict=True):
        deviation = (layer.running_var + layer.eps).sqrt()[:, None, None]
        terms.append(nn.functional.smooth_l1_loss(own / deviation, other / deviation, beta=1.0))
    found, expected = value(batch), 160 * sum(terms) / len(terms)
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad(term, leaves, retain_graph=True) for term in (found, expected)]
    torch.testing.assert_close(*gradients)


def test_gradient_is_right() -> None:
    teacher, student = lively(TinyDetector(seed=1)).double(), TinyDetector().double()
    batch = run(teacher, student, images(8, torch.float64))

    def term(*maps: Tensor) -> Tensor:
        return value(replace(batch, student_norm_inputs=[[each] for each in maps]), like=10.0)

    maps = [own.clone().requires_grad_() for (own,) in batch.student_norm_inputs]
    assert torch.autograd.gradcheck(term, maps)
    assert all(bool(gradient.any()) for gradient in torch.autograd.grad(term(*maps), maps))


def test_nothing_is_paid_by_a_student_that_equals_the_teacher() -> None:
    teacher = network().freeze()
    student = copy.deepcopy(teacher).requires_grad_(True)
    term = value(run(teacher, student, images()))
    term.backward()
    assert float(term.detach()) == 0
    assert not any(bool(p.grad.any()) for p in student.parameters() if p.grad is not None)


def test_only_what_lies_before_a_norm_layer_of_the_student_gets_a_gradient() -> None:
    teacher, student = network(seed=1), network().train()
    value(run(teacher, student, images())).backward()  # a teacher that nobody has frozen
    assert all(parameter.grad is None for parameter in teacher.parameters())
    reached = {name for name, p in student.named_parameters() if p.grad is not None and bool(p.grad.any())}
    assert reached == {
        *("layers.0.conv.weight", "layers.0.norm.weight", "layers.0.norm.bias"),
        *("layers.1.conv.weight", "layers.1.norm.weight", "layers.1.norm.bias"),
        "layers.2.conv.weight",
    }


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_computed_in_full(dtype: torch.dtype) -> None:
    batch = run(network(seed=1).freeze(), network().train(), images())
    half = {
        key: [[getattr(batch, key)[i][0].detach().to(dtype).requires_grad_()] for i in range(3)]
        for key in ("student_norm_inputs", "teacher_norm_inputs")
    }
    with torch.autocast("cpu", torch.bfloat16):
        term = value(replace(batch, **half))
    term.backward()
    wide = {key: [[each.detach().float()] for (each,) in layers] for key, layers in half.items()}
    torch.testing.assert_close(term, value(replace(batch, **wide)), rtol=0, atol=0)  # in float32, too
    for (own,), (other,) in zip(*half.values(), strict=True):
        assert own.grad.dtype == dtype and bool(own.grad.any()) and other.grad is None


def test_of_a_layer_that_is_called_several_times_every_call_counts_alike() -> None:
    teacher, student = TinyDetector(seed=1), TinyDetector()
    one, other = (run(teacher, student, images(size)) for size in (8, 16))
    both = {
        key: [[*first, *second] for first, second in zip(getattr(one, key), getattr(other, key), strict=True)]
        for key in ("student_norm_inputs", "teacher_norm_inputs")
    }
    torch.testing.assert_close(value(replace(one, **both)), (value(one) + value(other)) / 2)


def test_no_step_waits_for_a_device() -> None:
    batch = run(network(seed=1).freeze(), network().train(), images())
    loss = BlockFeatures()
    loss.prepare(batch.teacher, batch.student, SIZE)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        loss(batch).backward()
    called = {event.key for event in profile.key_averages()}
    assert "aten::clamp" in called and not called & {"aten::_local_scalar_dense", "aten::nonzero"}


@pytest.mark.parametrize("name", [name for name, case in BUILDS.items() if case.norms[0]])
def test_every_detector_with_norm_layers_teaches_one_of_its_kind(name: str) -> None:
    teacher, loss = small(name).freeze(), BlockFeatures()
    torch.manual_seed(1)
    student, before = BUILDS[name].lively(teacher.class_names).train(), teacher.fingerprint()
    loss.prepare(teacher, student, detectors.SIZE)
    assert loss.direct
    optimizer, history = torch.optim.Adam([p for p in student.parameters() if p.requires_grad], 1e-3), []
    for _ in range(3):
        term = loss(run(teacher, student, some_images()))
        optimizer.zero_grad()
        term.backward()
        optimizer.step()
        history.append(float(term.detach()))
    assert 0 < history[2] < history[0], history
    assert teacher.fingerprint() == before


def test_an_unlike_student_is_compared_by_regression() -> None:
    teacher, student, loss = network(seed=1).freeze(), TinyDetector(), BlockFeatures(unlike=3.0, ridge=0.01)
    loss.prepare(teacher, student, SIZE)
    assert not loss.direct and loss.pairs
    batch = run(teacher, student, images())
    terms = [
        regression_distance(
            teacher.norm_layers()[i], batch.student_norm_inputs[j][0], batch.teacher_norm_inputs[i][0], 0.01
        )
        for i, j in loss.pairs
    ]
    torch.testing.assert_close(loss(batch), 3 * sum(terms) / len(terms))


def test_where_nothing_can_be_compared_a_warning_says_so(caplog: pytest.LogCaptureFixture) -> None:
    term = value(run(TinyDetector(norm=False), network().train(), images()))
    term.backward()
    assert float(term.detach()) == 0
    assert "BlockFeatures compares nothing: the teacher has no norm layers, and no" in caplog.text


def test_what_is_wrong_is_refused() -> None:
    batch = run(TinyDetector(seed=1), TinyDetector(), images(8))
    with pytest.raises(RuntimeError, match="must come before the first step"):
        BlockFeatures()(batch)
    with pytest.raises(ValueError, match="^teacher: BlockFeatures needs one, got None"):
        BlockFeatures().prepare(None, batch.student, 8)
    for key, wrong in (("like", -1.0), ("unlike", float("inf")), ("ridge", float("nan"))):
        with pytest.raises(ValueError, match=f"{key} must be finite and >= 0, got {wrong}"):
            BlockFeatures(**{key: wrong})
    with pytest.raises(ValueError, match="ridge must be > 0, got 0"):
        BlockFeatures(ridge=0.0)
