import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from diode_pl.detector import ChannelStats
from diode_pl.synthesis.losses.batch_norm_distance import FORMS, batch_norm_distance

forms = pytest.mark.parametrize("form", FORMS)
EVERY = [("paper", 1.0), ("paper", 2.0), ("paper", 3.0), ("standardized", 2.0), ("kl", 2.0)]


def random_moments(
    seed: int, channels: tuple[int, ...] = (3, 5, 2), dtype: torch.dtype = torch.float32
) -> list[ChannelStats]:
    draw = torch.Generator().manual_seed(seed)
    return [
        ChannelStats(torch.randn(c, generator=draw, dtype=dtype), torch.rand(c, generator=draw, dtype=dtype) + 0.1)
        for c in channels
    ]


def divergence(mean: float, var: float, mean_ref: float, var_ref: float, eps: float = 1e-5) -> float:
    """Of two normal distributions, in both directions, by torch."""
    variances = torch.tensor([var, var_ref], dtype=torch.float64) + eps
    one, other = (Normal(m, v.sqrt()) for m, v in zip((mean, mean_ref), variances, strict=True))
    return float(kl_divergence(one, other) + kl_divergence(other, one))


def slow_distance(
    batch: list[ChannelStats],
    reference: list[ChannelStats],
    form: str,
    norm: float,
    eps: tuple[float, ...] = (1e-5,) * 3,
) -> float:
    """One channel at a time."""
    total = 0.0
    for (mean, var), (mean_ref, var_ref), e in zip(batch, reference, eps, strict=True):
        m, v, mr, vr = (t.tolist() for t in (mean, var, mean_ref, var_ref))
        if form == "paper":
            for a, b in ((m, mr), (v, vr)):
                total += sum(abs(p - q) ** norm for p, q in zip(a, b, strict=True)) ** (1 / norm)
        elif form == "kl":
            total += sum(map(divergence, m, v, mr, vr, [e] * len(m))) / len(m) / len(batch)
        else:
            means = [abs(p - q) / math.sqrt(r + e) for p, q, r in zip(m, mr, vr, strict=True)]
            logs = [abs(math.log((p + e) / (r + e))) for p, r in zip(v, vr, strict=True)]
            total += (sum(means) + sum(logs)) / len(m) / len(batch)
    return total


@pytest.mark.parametrize(("form", "norm"), EVERY)
def test_value_is_that_of_one_channel_at_a_time(form: str, norm: float) -> None:
    batch, reference = random_moments(0), random_moments(1)
    distance = batch_norm_distance(batch, reference, form, norm)
    assert distance.item() == pytest.approx(slow_distance(batch, reference, form, norm), rel=1e-5)


@pytest.mark.parametrize("form", ["standardized", "kl"])
def test_a_variance_counts_from_what_its_layer_adds_to_it(form: str) -> None:
    # Narrow channels, where it matters; a layer that adds nothing, or next to nothing, counts as one that adds 1e-5.
    narrow = [[ChannelStats(m.mean * 0.01, m.var * 1e-4) for m in random_moments(seed)] for seed in (0, 1)]
    found = batch_norm_distance(*narrow, form, eps=[1e-3, 0.0, 1e-6])
    assert found.item() == pytest.approx(slow_distance(*narrow, form, 2.0, (1e-3, 1e-5, 1e-5)), rel=1e-4)
    assert found < 0.9 * batch_norm_distance(*narrow, form)
    assert batch_norm_distance(*narrow, form, eps=[1e-5] * 3) == batch_norm_distance(*narrow, form)


@forms
def test_like_statistics_are_at_no_distance(form: str) -> None:
    batch = [ChannelStats(m.mean.requires_grad_(), m.var.requires_grad_()) for m in random_moments(0)]
    distance = batch_norm_distance(batch, random_moments(0), form)
    distance.backward()
    assert distance == 0
    assert all(t.grad.isfinite().all() for channel_stats in batch for t in channel_stats)


@pytest.mark.parametrize(("form", "norm"), EVERY)
def test_gradient_is_right(form: str, norm: float) -> None:
    reference = random_moments(1, dtype=torch.float64)
    flat = [t.requires_grad_() for channel_stats in random_moments(0, dtype=torch.float64) for t in channel_stats]

    def distance(*flat: Tensor) -> Tensor:
        batch = [ChannelStats(*pair) for pair in zip(flat[::2], flat[1::2], strict=True)]
        return batch_norm_distance(batch, reference, form, norm)

    assert torch.autograd.gradcheck(distance, flat)


@forms
@pytest.mark.parametrize("var", [0.0, 1e-45, 1e-20, 1.0])
def test_tiny_running_variances_give_finite_numbers(form: str, var: float) -> None:
    mean, spread = torch.tensor([0.0, 1e-20, 1.0], requires_grad=True), torch.full((3,), var, requires_grad=True)
    reference = ChannelStats(torch.zeros(3), torch.tensor([1e-45, 0.0, 1e-30]))
    distance = batch_norm_distance([ChannelStats(mean, spread)], [reference], form)
    distance.backward()
    assert distance.isfinite() and mean.grad.isfinite().all() and spread.grad.isfinite().all()
    assert distance < (1e6 if form == "kl" else 1e3)


def test_a_small_divergence_is_not_lost_in_rounding() -> None:
    batch, reference = (
        [ChannelStats(torch.ones(1), torch.tensor([1.001]))],
        [ChannelStats(torch.ones(1), torch.ones(1))],
    )
    expected = divergence(1.0, batch[0].var.item(), 1.0, 1.0)
    assert batch_norm_distance(batch, reference, "kl").item() == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("form", ["standardized", "kl"])
def test_a_form_without_units_is_a_mean_over_channels_and_layers(form: str) -> None:
    batch, reference = random_moments(0), random_moments(1)
    once = batch_norm_distance(batch, reference, form)
    assert batch_norm_distance(batch * 3, reference * 3, form).item() == pytest.approx(once.item(), rel=1e-5)
    wide = [[ChannelStats(*(values.repeat(4) for values in m)) for m in side] for side in (batch, reference)]
    assert batch_norm_distance(*wide, form).item() == pytest.approx(once.item(), rel=1e-5)
    layers = [batch_norm_distance([b], [r], form).item() for b, r in zip(batch, reference, strict=True)]
    assert once.item() == pytest.approx(sum(layers) / 3, rel=1e-5)


@pytest.mark.parametrize("form", ["standardized", "kl"])
def test_a_form_without_units_has_none(form: str) -> None:
    def scaled(channel_stats: list[ChannelStats], by: float) -> list[ChannelStats]:
        return [ChannelStats(m.mean * by, m.var * by**2) for m in channel_stats]

    batch, reference = random_moments(0), random_moments(1)
    plain = batch_norm_distance(batch, reference, form)
    tenfold = batch_norm_distance(scaled(batch, 10), scaled(reference, 10), form)
    assert tenfold.item() == pytest.approx(plain.item(), rel=1e-3)


def test_layers_without_a_partner_raise() -> None:
    with pytest.raises(ValueError, match="equally many layers, > 0, got 2 and 3"):
        batch_norm_distance(random_moments(0)[:2], random_moments(0))
    with pytest.raises(ValueError, match="equally many layers, > 0, got 0 and 0"):
        batch_norm_distance([], [])


@forms
def test_shares_weigh_the_layers(form: str) -> None:
    batch, reference = random_moments(0), random_moments(1)
    each = [batch_norm_distance([b], [r], form).item() for b, r in zip(batch, reference, strict=True)]
    shares = [1.0, 0.5, 0.25]
    expected = sum(share * distance for share, distance in zip(shares, each, strict=True))
    found = batch_norm_distance(batch, reference, form, shares=shares)
    assert found.item() == pytest.approx(expected / (1 if form == "paper" else 1.75), rel=1e-5)
    torch.testing.assert_close(
        batch_norm_distance(batch, reference, form, shares=[1.0] * 3), batch_norm_distance(batch, reference, form)
    )
