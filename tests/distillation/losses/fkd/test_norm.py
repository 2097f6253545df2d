import math

import pytest
import torch

from diode_pl.distillation.losses.fkd.norm import norm
from tests.distillation.losses.fkd.maps import maps


def test_values() -> None:
    differences = torch.tensor([[[3.0, 0.0]], [[0.0, -4.0]]])
    assert norm(differences) == 5
    assert norm(differences, "per_image") == 3.5


def test_duplicating_the_batch() -> None:
    (once,) = maps((3, 2, 4))
    twice = torch.cat([once, once])
    torch.testing.assert_close(norm(twice), math.sqrt(2) * norm(once))
    torch.testing.assert_close(norm(twice, "per_image"), norm(once, "per_image"))


@pytest.mark.parametrize("reduction", ["batch", "per_image"])
def test_gradient_is_right_and_zero_at_zero(reduction: str) -> None:
    differences = maps((2, 3, 2), dtype=torch.float64)[0].requires_grad_()
    assert torch.autograd.gradcheck(lambda d: norm(d, reduction), differences)
    zero = torch.zeros(2, 3, requires_grad=True)
    value = norm(zero, reduction)
    value.backward()
    assert value == 0 and zero.grad is not None and not zero.grad.any()
    # One image without a difference beside others.
    mixed = torch.tensor([[0.0, 0.0], [3.0, 4.0]], requires_grad=True)
    norm(mixed, reduction).backward()
    assert mixed.grad is not None and bool(mixed.grad.isfinite().all()) and not mixed.grad[0].any()
