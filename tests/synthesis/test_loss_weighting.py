import math

import pytest
import torch
from torch import Tensor

from diode_pl.synthesis.loss_weighting import ConstantWeights, GradientShares
from diode_pl.synthesis.losses import BatchNormStatistics, Detection, Loss, TotalVariation
from tests.tiny import TinyDetector, tiny_step

LOSSES: dict[str, Loss] = {"detection": Detection(), "tv": TotalVariation(), "bn": BatchNormStatistics()}
WEIGHTS = {"detection": 5.0, "tv": 3.0, "bn": 2.0}
SHARES = {"detection": 0.5, "tv": 0.3, "bn": 0.2}


def test_constant_weights_are_the_factors_at_every_step() -> None:
    weighting, pixels = ConstantWeights(), torch.rand(1, 3, 4, 4, requires_grad=True)
    terms = {"a": pixels.sum(), "b": pixels.square().sum() * 1e9}
    for weights in ({"a": 1.0, "b": 80.0}, {"a": 0.05, "b": 80.0}):
        weighting.begin(weights)
        assert [weighting.factors(terms, pixels) for _ in range(2)] == [weights, weights]
    assert weighting.values() == {}


def looks(count: int, wander: float = 0.02) -> list[tuple[dict[str, Tensor], Tensor]]:
    """Terms and pixels of as many steps, between which the images change little."""
    draw, detector = torch.Generator().manual_seed(0), TinyDetector()
    start = torch.rand(2, 3, 8, 8, generator=draw)
    for loss in LOSSES.values():
        loss.prepare(detector, 8)
    found = []
    for _ in range(count):
        pixels = (start + wander * torch.randn(start.shape, generator=draw)).requires_grad_()
        step = tiny_step(pixels, detector=detector)
        found.append(({name: loss(step) for name, loss in LOSSES.items()}, pixels))
    return found


def norm(term: Tensor, pixels: Tensor) -> float:
    (gradient,) = torch.autograd.grad(term, pixels, retain_graph=True)
    return gradient.double().square().sum().sqrt().item()


def begun(steps: int = 4, **weights: float) -> GradientShares:
    weighting = GradientShares(steps)
    weighting.begin(weights or WEIGHTS)
    return weighting


def test_only_every_so_many_steps_are_measured() -> None:
    weighting, steps = GradientShares(steps=5, every=2), looks(7)
    weighting.begin(WEIGHTS)
    later_half = [[0], [0], [2], [2], [2, 4], [2, 4], [2, 4]]  # of the steps 0, 2 and 4
    for (terms, pixels), counted in zip(steps, later_half, strict=True):
        for name, weight in weighting.factors(terms, pixels).items():
            mean = sum(norm(steps[i][0][name], steps[i][1]) for i in counted) / len(counted)
            assert weight == pytest.approx(SHARES[name] / mean, rel=1e-5)


def test_a_weight_is_the_share_by_the_mean_norm_over_the_later_half_of_the_steps_so_far() -> None:
    weighting, steps = begun(), looks(6)
    later_half = [[0], [1], [1, 2], [2, 3], [2, 3], [2, 3]]  # 4 steps are measured
    for (terms, pixels), counted in zip(steps, later_half, strict=True):
        weights = weighting.factors(terms, pixels)
        for name, weight in weights.items():
            mean = sum(norm(steps[i][0][name], steps[i][1]) for i in counted) / len(counted)
            assert weight == pytest.approx(SHARES[name] / mean, rel=1e-5)
        assert weighting.values() == {f"{name}_weight": weight for name, weight in weights.items()}


def test_a_gradient_that_is_large_at_first_does_not_count() -> None:
    """As a detection loss's on noise: weights are the same as if it had been small all along."""
    plain, steep = begun(steps=6), begun(steps=6)
    for i, (terms, pixels) in enumerate(looks(8)):
        expected = plain.factors(terms, pixels)
        found = steep.factors(terms | {"detection": (100.0 if i < 3 else 1.0) * terms["detection"]}, pixels)
    assert found == expected


def test_shares_of_the_gradient_are_as_stated_and_weights_stand_after_the_first_steps() -> None:
    weighting, steps = begun(), looks(8)
    weights = [weighting.factors(*step) for step in steps]
    assert all(later == weights[3] for later in weights[4:])
    assert weights[2] != weights[3]
    for terms, pixels in steps[4:]:
        shares = {name: norm(weights[-1][name] * term, pixels) for name, term in terms.items()}
        assert shares == pytest.approx(SHARES, rel=0.2)


@pytest.mark.parametrize("factor", [1000.0, 1e-6, 1e12])
def test_units_of_a_term_do_not_matter(factor: float) -> None:
    plain, scaled = begun(), begun()
    for terms, pixels in looks(6):
        expected = plain.factors(terms, pixels)
        found = scaled.factors(terms | {"bn": factor * terms["bn"]}, pixels)
        assert found["bn"] * factor == pytest.approx(expected["bn"], rel=1e-5)
        assert found["tv"] == expected["tv"]


def test_only_the_ratios_of_the_stated_weights_count() -> None:
    ((terms, pixels),) = looks(1)
    few, many = begun(), begun(**{name: 40 * weight for name, weight in WEIGHTS.items()})
    assert many.factors(terms, pixels) == pytest.approx(few.factors(terms, pixels))


def test_measuring_leaves_the_graph_and_the_gradient_of_the_pixels() -> None:
    ((terms, pixels),) = looks(1)
    begun().factors(terms, pixels)
    assert pixels.grad is None
    sum(terms.values()).backward()
    assert pixels.grad.abs().max() > 0


@pytest.mark.parametrize("broken", [math.nan, math.inf, 0.0])
def test_a_term_sits_out_steps_without_a_usable_gradient(broken: float) -> None:
    weighting, (good, bad, last, after) = begun(steps=3), looks(4)
    first = weighting.factors(*good)
    without = weighting.factors(bad[0] | {"bn": bad[0]["bn"] * broken}, bad[1])
    assert without["bn"] == 0 and without["tv"] > 0
    weights = weighting.factors(*last)
    # Of the two steps that it has, the later one.
    assert weights["bn"] == pytest.approx(0.2 / norm(last[0]["bn"], last[1]), rel=1e-5) and first["bn"] > 0
    assert weighting.factors(*after) == weights


def test_a_term_that_sits_out_the_last_measured_step_comes_back() -> None:
    weighting, (good, bad, after) = begun(steps=2), looks(3)
    first = weighting.factors(*good)
    assert weighting.factors(bad[0] | {"bn": bad[0]["bn"] * math.nan}, bad[1])["bn"] == 0
    assert weighting.factors(*after)["bn"] == first["bn"]


def test_a_term_that_never_has_a_gradient_has_no_weight() -> None:
    weighting = begun(steps=2, tv=1.0, constant=1.0, still=2.0)
    for terms, pixels in looks(4):
        weights = weighting.factors({"tv": terms["tv"], "constant": torch.zeros(()), "still": 0 * pixels.sum()}, pixels)
        assert weights["constant"] == weights["still"] == 0 and weights["tv"] > 0


def test_where_no_term_can_be_used_the_shares_are_the_weights() -> None:
    weighting = begun()
    for terms, pixels in looks(6):
        assert weighting.factors({name: term * math.nan for name, term in terms.items()}, pixels) == SHARES


@pytest.mark.parametrize("size", [1e-9, 1.0, 3e4])
def test_half_precision_neither_overflows_nor_underflows(size: float) -> None:
    """A gradient that passes through float16, where numbers from 6e-8 to 65504 exist."""
    weighting, pixels = begun(steps=10, half=1.0), torch.rand(2, 3, 4, 4, requires_grad=True)
    for _ in range(11):
        half = (pixels * size).half()  # the gradient to `half` is what must fit
        weights = weighting.factors({"half": half.float().sum()}, pixels)
    assert weights["half"] == pytest.approx(1 / (size * math.sqrt(96)), rel=1e-3)
    steep = begun(steps=10, half=1.0)
    for _ in range(11):
        weights = steep.factors({"half": (pixels.half().float() * size).sum()}, pixels)
    assert weights["half"] == pytest.approx(1 / (size * math.sqrt(96)), rel=1e-2)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("steps", [0, -1, 1.5, True, None])
def test_bad_steps_raise(steps: object) -> None:
    with pytest.raises(ValueError, match=r"steps must be an integer >= 1"):
        GradientShares(steps)  # type: ignore[arg-type]
