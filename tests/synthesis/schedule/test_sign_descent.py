import pytest
import torch
from torch import nn

from diode_pl.synthesis.schedule import SignDescent


def descend(kind: type, steps: int, **options) -> torch.Tensor:
    """A few steps on a bumpy function, some gradients zero, some tiny."""
    parameter = nn.Parameter(torch.linspace(-1, 1, 24).view(2, 12))
    optimizer = kind([parameter], lr=0.05, **options)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    scale = torch.logspace(-12, 2, 12) * torch.tensor([0, 1]).repeat(6)
    trail = []
    for _ in range(steps):
        optimizer.zero_grad()
        (scale * (parameter - 0.3).square().cos()).sum().backward()
        optimizer.step()
        scheduler.step()
        trail.append(parameter.detach().clone())
    return torch.stack(trail)


@pytest.mark.parametrize("eps", [1e-8, 1e-3])
def test_it_is_adam_without_momentum_step_for_step(eps: float) -> None:
    adam = descend(torch.optim.Adam, 10, betas=(0.0, 0.0), eps=eps)
    torch.testing.assert_close(descend(SignDescent, 10, eps=eps), adam, rtol=1e-5, atol=1e-7)


def test_it_keeps_no_state() -> None:
    parameter = nn.Parameter(torch.ones(3))
    optimizer = SignDescent([parameter])
    parameter.grad = torch.tensor([2.0, -3.0, 0.0])
    optimizer.step()
    torch.testing.assert_close(parameter.detach(), torch.tensor([0.8, 1.2, 1.0]))
    assert len(optimizer.state) == 0 and optimizer.state_dict()["state"] == {}


def test_without_a_gradient_a_parameter_stays() -> None:
    parameter = nn.Parameter(torch.ones(3))
    SignDescent([parameter]).step()
    assert parameter.tolist() == [1, 1, 1]


def test_closure_is_evaluated_with_gradients() -> None:
    parameter = nn.Parameter(torch.ones(1))
    optimizer = SignDescent([parameter], lr=0.5)

    def closure() -> torch.Tensor:
        loss = parameter.square().sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1
    assert parameter.item() == pytest.approx(0.5)


@pytest.mark.parametrize("arguments", [{"lr": 0.0}, {"lr": -1.0}, {"eps": 0.0}], ids=str)
def test_bad_arguments_raise(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="sign descent"):
        SignDescent([nn.Parameter(torch.ones(1))], **arguments)
