"""Distances that a linear map leaves."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from diode_pl.distillation.losses.block_features.regression import regression_distance


def features(channels: int, seed: int, size: int = 6) -> Tensor:
    return torch.randn(4, channels, size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def layer(channels: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels).double()
    norm.running_var.copy_(torch.linspace(0.1, 2, channels))
    return norm


def mixed(student: Tensor, seed: int = 2) -> Tensor:
    """Channels that are linear in the student's."""
    weight = torch.randn(5, student.shape[1], generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.einsum("bc,nchw->nbhw", weight, student) + 7


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_what_is_linear_in_the_students_channels_costs_nothing(scale: float) -> None:
    student = features(3, seed=0)
    assert float(regression_distance(layer(5), scale * student, mixed(student), ridge=1e-9)) < 1e-12


def test_it_is_the_smooth_l1_of_what_numpys_least_squares_leaves() -> None:
    norm, student, teacher = layer(5), features(3, seed=0), features(5, seed=1) + 0.5 * mixed(features(3, seed=0))
    own = student.permute(0, 2, 3, 1).reshape(-1, 3).numpy()
    wanted = (teacher / (norm.running_var + norm.eps).sqrt()[:, None, None]).permute(0, 2, 3, 1).reshape(-1, 5).numpy()
    design = np.concatenate([own, np.ones((len(own), 1))], axis=1)
    left = np.abs(design @ np.linalg.lstsq(design, wanted, rcond=None)[0] - wanted)
    expected = np.where(left < 1, left**2 / 2, left - 0.5).mean()
    assert 0.1 < (left > 1).mean() < 0.9
    assert float(regression_distance(norm, student, teacher, ridge=1e-12)) == pytest.approx(expected, rel=1e-6)


def test_a_larger_ridge_leaves_more() -> None:
    student, norm = features(3, seed=0), layer(5)
    left = [float(regression_distance(norm, student, mixed(student), ridge=ridge)) for ridge in (1e-3, 1e-1, 10.0)]
    assert left[0] < left[1] < left[2]


def test_the_gradient_takes_the_student_to_the_teacher_and_leaves_the_teacher_alone() -> None:
    student, teacher, norm = features(3, seed=0).requires_grad_(), features(5, seed=1).requires_grad_(), layer(5)
    optimizer, history = torch.optim.Adam([student], 0.1), []
    for _ in range(30):
        term = regression_distance(norm, student, teacher, ridge=1e-3)
        optimizer.zero_grad()
        term.backward()
        optimizer.step()
        history.append(float(term.detach()))
    assert teacher.grad is None and history[-1] < 0.7 * history[0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_computed_in_full(dtype: torch.dtype) -> None:
    student, teacher = features(3, seed=0).to(dtype), features(5, seed=1).to(dtype)
    norm = nn.BatchNorm2d(5)
    found, expected = (
        regression_distance(norm, a, b, 1e-3) for a, b in ((student, teacher), (student.float(), teacher.float()))
    )
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_channels_that_are_constant_are_no_problem() -> None:
    assert bool(
        regression_distance(layer(5), torch.zeros(4, 3, 6, 6, dtype=torch.float64), features(5, 1), 1e-3).isfinite()
    )
