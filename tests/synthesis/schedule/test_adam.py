"""What the schedules of the paper's code take torch's Adam for."""

import pytest
import torch
from torch import nn


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_with_both_betas_0_it_is_descent_by_sign(dtype: torch.dtype) -> None:
    """On a bumpy function, some gradients zero, some tiny, with a learning rate that falls."""
    pixels = nn.Parameter(torch.linspace(-1, 1, 24, dtype=dtype).view(2, 12))
    optimizer = torch.optim.Adam([pixels], lr=0.05, betas=(0.0, 0.0))
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    scale = torch.logspace(-12, 2, 12, dtype=dtype) * torch.tensor([0, 1]).repeat(6)
    for _ in range(10):
        optimizer.zero_grad()
        (scale * (pixels - 0.3).square().cos()).sum().backward()
        gradient, lr = pixels.grad.clone(), optimizer.param_groups[0]["lr"]
        expected = pixels.detach() - lr * gradient / (gradient.abs() + 1e-8)
        optimizer.step()
        scheduler.step()
        torch.testing.assert_close(pixels.detach(), expected, rtol=1e-6, atol=1e-8)
    assert (pixels[:, ::2] == torch.linspace(-1, 1, 24, dtype=dtype).view(2, 12)[:, ::2]).all()  # without a gradient
