import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from diode_pl.synthesis.sampler import LabelPrior, LogUniformExtents

PRIOR = LabelPrior({"a": 0})
COUNT = 20000


def draw(extents: LogUniformExtents, seed: int = 0) -> Tensor:
    return extents.draw(torch.zeros(COUNT, dtype=torch.long), PRIOR, Generator().manual_seed(seed))


def quantiles(values: Tensor) -> np.ndarray:
    return np.quantile(values.double().numpy(), np.linspace(0, 1, 21))


def test_the_geometric_mean_of_the_sides_is_uniform_in_its_logarithm() -> None:
    size = draw(LogUniformExtents((0.12, 0.7))).prod(dim=1).sqrt()
    expected = np.geomspace(0.12, 0.7, 21)
    np.testing.assert_allclose(quantiles(size), expected, rtol=0.03)
    assert size.min() >= 0.12 * (1 - 1e-6) and size.max() <= 0.7 * (1 + 1e-6)


def test_the_aspect_ratio_is_uniform_in_its_logarithm_and_independent_of_the_size() -> None:
    width, height = draw(LogUniformExtents((0.12, 0.6), log_aspect=0.5)).unbind(dim=1)
    ratio, size = (width / height).log(), (width * height).log()
    np.testing.assert_allclose(quantiles(ratio), np.linspace(-0.5, 0.5, 21), atol=0.02)
    assert abs(np.corrcoef(ratio.numpy(), size.numpy())[0, 1]) < 0.03


def test_without_a_spread_all_are_the_same_square() -> None:
    torch.testing.assert_close(draw(LogUniformExtents((0.3, 0.3), log_aspect=0.0)), torch.full((COUNT, 2), 0.3))


def test_sides_end_at_the_image() -> None:
    sizes = draw(LogUniformExtents((0.9, 1.0), log_aspect=2.0))
    assert sizes.max() == 1 and (sizes == 1).any(dim=1).float().mean() > 0.5


def test_same_seed_same_sizes() -> None:
    first, again, other = (draw(LogUniformExtents(), seed) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("size", [(0.0, 0.5), (0.5, 0.4), (0.5, 1.1), (0.5,), (0.1, 0.2, 0.3)])
def test_a_bad_size_raises(size: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"^size must be an increasing range within \(0, 1\], got \["):
        LogUniformExtents(size)


@pytest.mark.parametrize("log_aspect", [-0.1, float("inf"), float("nan")])
def test_a_bad_aspect_raises(log_aspect: float) -> None:
    with pytest.raises(ValueError, match="^log_aspect must be finite and >= 0, got "):
        LogUniformExtents(log_aspect=log_aspect)
