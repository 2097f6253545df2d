import math

import pytest

from diode_pl.distillation.losses.fkd.method import PRESETS, method


def test_presets_are_as_published() -> None:
    found = {name: (m.alpha, m.beta, m.gamma, m.temperature) for name, m in PRESETS.items()}
    assert found == {
        "paper_two_stage": (7e-5, 4e-3, 7e-5, 0.1),
        "paper_one_stage": (4e-4, 2e-2, 4e-4, 0.5),
        "code_two_stage": (4e-3, 7e-5, 7e-5, 0.5),
        "code_one_stage": (2.4e-2, 4.2e-4, 4.2e-4, 0.1),
    }
    forms = {name: (m.masks, m.attention, m.channel_mask) for name, m in PRESETS.items()}
    assert forms == {
        "paper_two_stage": ("paper", "absolute", "adapted"),
        "paper_one_stage": ("paper", "absolute", "adapted"),
        "code_two_stage": ("code", "signed", "none"),
        "code_one_stage": ("code", "signed", "adapted"),
    }


def test_what_is_given_overrides_the_preset() -> None:
    changed = method("paper_one_stage", beta=0.0, gamma=None, masks="code")
    assert (changed.beta, changed.gamma, changed.masks, changed.attention) == (0, 4e-4, "code", "absolute")
    assert changed.factors == {
        "attention_transfer_channel": 4e-4,
        "attention_transfer_spatial": 4e-4,
        "non_local": 4e-4,
    }


@pytest.mark.parametrize("key", ["alpha", "beta", "gamma", "temperature"])
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_numbers_out_of_range(key: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"FKD: {key} must be finite and .*, got {value}"):
        method("code_one_stage", **{key: value})


def test_zeros() -> None:
    with pytest.raises(ValueError, match="temperature must be finite and above 0, got 0"):
        method("code_one_stage", temperature=0.0)
    with pytest.raises(ValueError, match="alpha, beta and gamma are all 0"):
        method("code_one_stage", alpha=0.0, beta=0.0, gamma=0.0)


@pytest.mark.parametrize("key", ["masks", "attention", "channel_mask", "non_local", "reduction"])
def test_unknown_choices_are_told_the_known_ones(key: str) -> None:
    with pytest.raises(ValueError, match=f"FKD: {key} must be one of .*{getattr(PRESETS['code_one_stage'], key)}.*'x'"):
        method("code_one_stage", **{key: "x"})
    with pytest.raises(ValueError, match="preset must be one of code_one_stage, .*paper_two_stage, got 'x'"):
        method("x")
