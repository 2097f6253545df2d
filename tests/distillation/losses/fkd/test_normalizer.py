import math

import pytest
import torch

from diode_pl.distillation.losses.fkd.normalizer import PartNormalizer


def test_every_part_gets_the_wanted_size_and_factors_stand_afterwards() -> None:
    balance = PartNormalizer(0.5, 2, steps=3)
    torch.testing.assert_close(balance(torch.tensor([2.0, 10.0])), torch.tensor([0.25, 0.05]))
    balance(torch.tensor([4.0, 10.0]))
    fixed = balance(torch.tensor([6.0, 40.0]))
    torch.testing.assert_close(fixed, torch.tensor([0.5 / 4, 0.5 / 20]))
    assert torch.equal(balance(torch.tensor([9e9, 0.0])), fixed)
    assert torch.equal(balance(torch.tensor([math.nan, math.inf])), fixed)


def test_a_hundred_steps_count() -> None:
    balance = PartNormalizer(1.0, 1)
    for size in range(1, 151):
        factor = balance(torch.tensor([float(size)]))
    torch.testing.assert_close(1 / factor, torch.tensor([50.5]))


def test_only_training_counts() -> None:
    balance = PartNormalizer(1.0, 1)
    balance(torch.tensor([2.0]))
    assert balance.eval()(torch.tensor([8.0])) == 0.5 and balance.count.steps == 1


def test_a_part_that_is_zero_weighs_nothing() -> None:
    assert torch.equal(PartNormalizer(1.0, 2)(torch.tensor([0.0, 2.0])), torch.tensor([0.0, 0.5]))


def test_goes_on_from_its_state_as_if_nothing_had_happened() -> None:
    sizes = torch.rand(8, 3) + 0.1
    through, before, after = (PartNormalizer(1.0, 3, steps=5) for _ in range(3))
    for row in sizes[:3]:
        through(row)
        before(row)
    after.load_state_dict(before.state_dict())
    for row in sizes[3:]:
        assert torch.equal(through(row), after(row))


@pytest.mark.parametrize("size", [0.0, -1.0, math.inf, math.nan])
def test_a_size_out_of_range(size: float) -> None:
    with pytest.raises(ValueError, match=f"balance must be finite and > 0, got {size}"):
        PartNormalizer(size, 1)
