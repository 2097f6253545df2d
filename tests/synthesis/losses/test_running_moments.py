import pytest
import torch

from diode_pl.detector import ChannelStats
from diode_pl.detector.bn_statistics import channel_stats
from diode_pl.synthesis.losses.running_moments import MomentAverage

MOMENTUM = 0.8


def maps(seed: int, count: int = 4, channels: int = 3) -> list[torch.Tensor]:
    """What ``count`` steps feed to a layer, in float64."""
    draw = torch.Generator().manual_seed(seed)
    shift = 3 * torch.randn(count, channels, 1, 1, generator=draw, dtype=torch.float64)
    return [torch.randn(2, channels, 5, 5, generator=draw, dtype=torch.float64) + at for at in shift]


def test_value_is_that_of_all_pixels_in_one_batch_with_weights_by_hand() -> None:
    average, steps = MomentAverage(MOMENTUM), [maps(0), maps(1, channels=5)]
    for count in range(1, 5):
        seen = average([channel_stats(layer[count - 1]) for layer in steps])
        weights = torch.tensor([MOMENTUM ** (count - 1 - i) for i in range(count)], dtype=torch.float64)
        weights /= weights.sum()
        for layer, found in zip(steps, seen, strict=True):
            first = sum(w * x.mean(dim=(0, 2, 3)) for w, x in zip(weights, layer, strict=False))
            second = sum(w * x.square().mean(dim=(0, 2, 3)) for w, x in zip(weights, layer, strict=False))
            torch.testing.assert_close(found.mean, first)
            torch.testing.assert_close(found.var, second - first.square())


def test_a_small_variance_beside_a_large_mean_is_not_lost() -> None:
    average, batch = MomentAverage(0.9), [ChannelStats(torch.tensor([1e4]), torch.tensor([1e-3]))]
    for _ in range(50):
        (seen,) = average(batch)
    assert seen.var.item() == pytest.approx(1e-3, rel=1e-4)


@pytest.mark.parametrize("momentum", [0.0, MOMENTUM])
def test_the_first_batch_is_the_average(momentum: float) -> None:
    average, batch = MomentAverage(momentum), [channel_stats(x.float().requires_grad_()) for x in maps(0)]
    for _ in range(2):
        (seen,) = average(batch[:1])
        assert torch.equal(seen.mean, batch[0].mean) and torch.equal(seen.var, batch[0].var)
        average(batch[1:2])
        average.forget()


def test_without_momentum_a_batch_passes_as_it_is() -> None:
    batch = [channel_stats(x) for x in maps(0)]
    average = MomentAverage(0.0)
    average(batch[::-1])
    assert all(a is b for a, b in zip(average(batch), batch, strict=True))


def test_gradient_is_that_of_the_average_without_the_share_of_the_batch() -> None:
    """Against automatic differentiation of the plain average, divided by the batch's share."""
    average, steps = MomentAverage(MOMENTUM), maps(0, count=3)
    for x in steps[:2]:
        average([channel_stats(x)])
    newest = steps[2].requires_grad_()
    (seen,) = average([channel_stats(newest)])
    draw = torch.randn(2, 3, dtype=torch.float64)
    (found,) = torch.autograd.grad((draw[0] * seen.mean + draw[1] * seen.var).sum(), newest)

    weights = [MOMENTUM ** (2 - i) for i in range(3)]
    weights = [w / sum(weights) for w in weights]
    first = sum(w * x.mean(dim=(0, 2, 3)) for w, x in zip(weights, steps, strict=True))
    second = sum(w * x.square().mean(dim=(0, 2, 3)) for w, x in zip(weights, steps, strict=True))
    (plain,) = torch.autograd.grad((draw[0] * first + draw[1] * (second - first.square())).sum(), newest)
    torch.testing.assert_close(found, plain / weights[2])
    assert weights[2] < 0.5


def test_nothing_of_earlier_steps_is_kept_with_gradient() -> None:
    average = MomentAverage(MOMENTUM)
    first, second = (x.requires_grad_() for x in maps(0, count=2))
    average([channel_stats(first)])
    (seen,) = average([channel_stats(second)])
    (seen.mean.sum() + seen.var.sum()).backward()
    assert first.grad is None and second.grad is not None


@pytest.mark.parametrize("momentum", [-0.1, 1.0, float("nan")])
def test_bad_momentum_raises(momentum: float) -> None:
    with pytest.raises(ValueError, match=r"momentum must be in \[0, 1\)"):
        MomentAverage(momentum)
