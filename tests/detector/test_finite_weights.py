"""Weights that compute nothing are refused by the name of their tensor."""

import pytest
import torch
from torch import Tensor, nn

from diode_pl.detector import ConfigError
from diode_pl.detector.finite_weights import require_finite, require_same_kinds


def test_trained_weights_pass() -> None:
    require_finite(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).state_dict(), "a.pt")
    require_finite({"norm.running_var": torch.zeros(2), "running_var_of.mean": -torch.ones(2)}, "a.pt")


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("norm.running_mean", torch.tensor([0.0, torch.nan]), "numbers that are not finite, NaN"),
        ("norm.running_var", torch.tensor([0.0, torch.inf]), "numbers that are not finite, infinity"),
        ("conv.weight", torch.tensor([-torch.inf]).half(), "numbers that are not finite, infinity"),
        ("running_var", torch.tensor([1.0, -0.25]), "the negative variance -0.25"),
    ],
)
def test_others_are_named(name: str, value: Tensor, found: str) -> None:
    with pytest.raises(ConfigError, match=f"^a.pt: found {found} in {name}; expected a trained network"):
        require_finite({"first": torch.ones(1), name: value}, "a.pt")


def test_numbers_of_another_kind_are_named() -> None:
    own = nn.Linear(2, 1).state_dict()
    require_same_kinds(own, {name: value.double() for name, value in own.items()}, "a.pt")
    with pytest.raises(ConfigError, match="^a.pt: found int16 in bias; expected floating point numbers"):
        require_same_kinds(own, {**own, "bias": own["bias"].short()}, "a.pt")
