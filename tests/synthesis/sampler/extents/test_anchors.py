import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from diode_pl.synthesis.sampler import AnchorExtents, LabelPrior, LogUniformExtents

ANCHORS = torch.tensor([[0.1, 0.1], [0.2, 0.3], [0.5, 0.4], [0.7, 1.1]])
PRIOR = LabelPrior({"a": 0}, ANCHORS)
COUNT = 40000


def draw(extents: AnchorExtents, prior: LabelPrior = PRIOR, seed: int = 0) -> Tensor:
    return extents.draw(torch.zeros(COUNT, dtype=torch.long), prior, Generator().manual_seed(seed))


def test_quantiles_are_those_of_a_mixture_of_log_normals() -> None:
    random = np.random.default_rng(0)
    chosen = ANCHORS.double().numpy()[random.integers(4, size=400_000)]
    expected = np.minimum(random.lognormal(0.0, 0.25, (400_000, 2)) * chosen, 1)
    found, at = draw(AnchorExtents(log_std=0.25)).double().numpy(), np.linspace(0.02, 0.98, 25)
    for measure in (lambda wh: wh[:, 0], lambda wh: wh[:, 1], lambda wh: wh.max(axis=1), lambda wh: wh.prod(axis=1)):
        np.testing.assert_allclose(np.quantile(measure(found), at), np.quantile(measure(expected), at), rtol=0.05)


def test_each_anchor_is_equally_likely_and_cut_at_the_image() -> None:
    sizes, counts = draw(AnchorExtents(log_std=0.0)).unique(dim=0, return_counts=True)
    torch.testing.assert_close(sizes, ANCHORS.clamp(max=1))
    expected = COUNT / 4
    assert ((counts - expected) ** 2 / expected).sum() < 16.3  # chi-square, 3 degrees of freedom, p = 0.001


def test_width_and_height_vary_independently() -> None:
    factors = draw(AnchorExtents(log_std=0.25), LabelPrior({"a": 0}, torch.tensor([[0.2, 0.1]]))).log()
    assert abs(np.corrcoef(factors.T.numpy())[0, 1]) < 0.02
    torch.testing.assert_close(factors.std(dim=0), torch.full((2,), 0.25), rtol=0.02, atol=0)


def test_a_teacher_without_anchors_takes_the_fallback() -> None:
    bare, other = LabelPrior({"a": 0}), LogUniformExtents((0.3, 0.4), log_aspect=0.1)
    labels = torch.zeros(50, dtype=torch.long)
    expected = other.draw(labels, bare, Generator().manual_seed(3))
    assert torch.equal(AnchorExtents(fallback=other).draw(labels, bare, Generator().manual_seed(3)), expected)
    assert not torch.equal(AnchorExtents(fallback=other).draw(labels, PRIOR, Generator().manual_seed(3)), expected)


def test_same_seed_same_sizes() -> None:
    first, again, other = (draw(AnchorExtents(), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("log_std", [-0.1, float("inf"), float("nan")])
def test_a_bad_spread_raises(log_std: float) -> None:
    with pytest.raises(ValueError, match="^log_std must be finite and >= 0, got "):
        AnchorExtents(log_std)
