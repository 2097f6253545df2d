import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from diode_pl.training.optim import Recipe

PEAK, MOMENTUM = 0.02, 0.937
sgd = partial(SGD, lr=PEAK, momentum=MOMENTUM, nesterov=True, weight_decay=5e-4)


class Network(nn.Module):
    """Convolution without bias, batch norm, convolution with bias; one weight is frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)
        self.head, self.frozen = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 2, 1)
        self.frozen.requires_grad_(False)


def groups(optimizer: Optimizer) -> dict[str, dict]:
    return {group["kind"]: group for group in optimizer.param_groups}


def at(recipe: Recipe, step: int, steps: int = 1000, steps_per_epoch: int = 10, optimizer=None) -> dict[str, dict]:
    """The parameter groups at one step."""
    optimizer = optimizer or recipe.optimizer(Network())
    recipe.apply(optimizer, step, steps, steps_per_epoch)
    return groups(optimizer)


def cosine(step: int, steps: int, final: float = 0.05) -> float:
    return PEAK * (final + (1 - final) * (0.5 + 0.5 * math.cos(math.pi * step / steps)))


def test_only_weights_of_convolutions_decay() -> None:
    network = Network()
    found = groups(Recipe(sgd).optimizer(network))
    assert [len(found[kind]["params"]) for kind in ("weights", "biases", "others")] == [2, 2, 1]
    assert found["weights"]["params"] == [network.conv.weight, network.head.weight]
    assert found["biases"]["params"] == [network.norm.bias, network.head.bias]
    assert found["others"]["params"] == [network.norm.weight]
    assert [found[kind]["weight_decay"] for kind in ("weights", "biases", "others")] == [5e-4, 0, 0]


def test_linear_layers_decay_and_missing_kinds_make_no_group() -> None:
    found = groups(Recipe(sgd).optimizer(nn.Linear(3, 2, bias=False)))
    assert set(found) == {"weights"} and found["weights"]["weight_decay"] == 5e-4


def test_first_step() -> None:
    found = at(Recipe(sgd, bias_lr=0.1, warmup_momentum=0.8), 0)
    assert [found[kind]["lr"] for kind in ("weights", "biases", "others")] == [0, 0.1, 0]
    assert {group["momentum"] for group in found.values()} == {0.8}


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_burn_in_is_a_straight_line(share: float) -> None:
    recipe = Recipe(sgd, warmup_epochs=20.0, warmup_steps=3, bias_lr=0.1, warmup_momentum=0.8)
    step = round(200 * share)
    found, goal = at(recipe, step), cosine(step, 1000)
    assert found["weights"]["lr"] == found["others"]["lr"] == pytest.approx(share * goal)
    assert found["biases"]["lr"] == pytest.approx(0.1 + share * (goal - 0.1))
    assert found["biases"]["momentum"] == pytest.approx(0.8 + share * (MOMENTUM - 0.8))


@pytest.mark.parametrize(
    ("epochs", "steps", "expected"), [(20.0, 3, 200), (3.0, 200, 200), (0.5, 0, 5), (90.0, 0, 500), (0.0, 900, 500)]
)
def test_burn_in_is_the_longer_of_two_and_at_most_half_of_the_training(epochs, steps, expected) -> None:
    recipe = Recipe(sgd, warmup_epochs=epochs, warmup_steps=steps, bias_lr=0.1)
    before, after = at(recipe, expected - 1), at(recipe, expected)
    assert before["biases"]["lr"] > before["weights"]["lr"] and before["weights"]["momentum"] < MOMENTUM
    for kind in ("weights", "biases", "others"):
        assert after[kind]["lr"] == pytest.approx(cosine(expected, 1000))
        assert after[kind]["momentum"] == pytest.approx(MOMENTUM)


def test_no_burn_in() -> None:
    found = at(Recipe(sgd, warmup_epochs=0.0, warmup_steps=0), 0)
    assert [group["lr"] for group in found.values()] == pytest.approx([PEAK] * 3)
    assert {group["momentum"] for group in found.values()} == {MOMENTUM}


@pytest.mark.parametrize(("final", "expected"), [(0.05, 0.05 * PEAK), (1.0, PEAK)])
def test_last_step(final: float, expected: float) -> None:
    for step in (999, 1000, 1001):  # a step too many does not go up again
        found = at(Recipe(sgd, final_lr=final), step)
        assert [group["lr"] for group in found.values()] == pytest.approx([expected] * 3, rel=1e-3)


def test_middle_of_the_cosine() -> None:
    recipe = Recipe(sgd, warmup_epochs=0.0, warmup_steps=0)
    rates = [at(recipe, step)["weights"]["lr"] for step in range(0, 1001, 50)]
    assert rates == sorted(rates, reverse=True) and rates[10] == pytest.approx(PEAK * (1 + 0.05) / 2)


def test_the_step_alone_decides() -> None:
    recipe = Recipe(sgd)
    optimizer = recipe.optimizer(Network())
    for step in (700, 3, 40):
        walked = at(recipe, step, optimizer=optimizer)
        fresh = at(recipe, step)
        for kind in ("weights", "biases", "others"):
            assert (walked[kind]["lr"], walked[kind]["momentum"]) == (fresh[kind]["lr"], fresh[kind]["momentum"])


def test_resumed_optimizers_go_on() -> None:
    recipe, network = Recipe(sgd), Network()
    optimizer = recipe.optimizer(network)
    at(recipe, 30, optimizer=optimizer)
    resumed = recipe.optimizer(network)
    resumed.load_state_dict(optimizer.state_dict())
    assert at(recipe, 31, optimizer=resumed)["weights"]["lr"] == at(recipe, 31)["weights"]["lr"] > 0


def test_optimizers_without_momentum() -> None:
    recipe = Recipe(partial(AdamW, lr=PEAK), warmup_epochs=0.0, warmup_steps=10, bias_lr=0.0)
    found = at(recipe, 5)
    assert found["weights"]["lr"] == pytest.approx(0.5 * cosine(5, 1000)) and "momentum" not in found["weights"]
    plain = at(Recipe(partial(SGD, lr=PEAK)), 5)
    assert {group["momentum"] for group in plain.values()} == {0}


def test_a_step_moves_what_is_not_frozen() -> None:
    network, recipe = Network(), Recipe(sgd, warmup_epochs=0.0, warmup_steps=0)
    optimizer = recipe.optimizer(network)
    recipe.apply(optimizer, 0, 10, 5)
    before = {name: value.clone() for name, value in network.named_parameters()}
    network.frozen(network.head(network.norm(network.conv(torch.rand(2, 3, 5, 5))))).square().sum().backward()
    optimizer.step()
    moved = {name for name, value in network.named_parameters() if not torch.equal(value, before[name])}
    assert moved == {name for name in before if not name.startswith("frozen")}


def test_loss_scale() -> None:
    assert Recipe(sgd).loss_scale(64) == 1 and Recipe(sgd).loss_scale(16) == 0.25
    assert Recipe(sgd, nominal_batch=8).loss_scale(16) == 2 and Recipe(sgd, nominal_batch=None).loss_scale(16) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"final_lr": 0.0},
        {"final_lr": 1.5},
        {"warmup_epochs": -1.0},
        {"warmup_steps": -1},
        {"bias_lr": -0.1},
        {"warmup_momentum": 1.0},
        {"nominal_batch": 0},
    ],
)
def test_bad_numbers(options: dict) -> None:
    with pytest.raises(ValueError, match="(final_lr.*|nominal_batch) must be .*got"):
        Recipe(sgd, **options)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (partial(torch.optim.SGD, lr=-1.0), "optimizer.lr: Invalid learning rate"),
        (partial(torch.optim.SGD, lr=0.1, momentum=-1.0, nesterov=True), "optimizer.momentum: "),
        (partial(torch.optim.Adam, lr=0.1, betas=[2.0, 0.9]), "optimizer.betas: Invalid beta"),
        (partial(torch.optim.Adam, lr=0.1, betas=[0.9]), "optimizer.betas: "),
        (torch.optim.Optimizer, "optimizer: "),
    ],
)
def test_an_optimizer_that_cannot_be_built_names_the_argument(make: Callable[..., Optimizer], said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        Recipe(make)
