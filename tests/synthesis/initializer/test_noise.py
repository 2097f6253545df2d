import pytest
import torch
from torch import Generator

from diode_pl.synthesis.initializer import Noise


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def test_published_start_is_normal_noise_clipped() -> None:
    images = Noise()(4, 32, seeded())
    assert images.shape == (4, 3, 32, 32) and images.min() == 0 and images.max() == 1
    assert (images == 0).float().mean().item() == pytest.approx(0.5, abs=0.02)
    assert (images == 1).float().mean().item() == pytest.approx(0.1587, abs=0.02)


def test_mean_and_std_are_those_of_the_pixels() -> None:
    images = Noise(0.5, 0.1)(4, 32, seeded())
    assert images.mean().item() == pytest.approx(0.5, abs=0.005)
    assert images.std().item() == pytest.approx(0.1, abs=0.005)


@pytest.mark.parametrize(("grain", "resolution"), [(4, 32), (5, 32), (100, 32)])
def test_grain_makes_neighbors_alike(grain: int, resolution: int) -> None:
    def roughness(noise: Noise) -> float:
        images = noise(2, resolution, seeded())
        assert images.shape == (2, 3, resolution, resolution)
        return images.diff(dim=3).abs().mean().item()

    assert roughness(Noise(0.5, 0.1, grain)) < 0.5 * roughness(Noise(0.5, 0.1))


def test_same_seed_same_images() -> None:
    assert torch.equal(Noise()(2, 8, seeded(1)), Noise()(2, 8, seeded(1)))
    assert not torch.equal(Noise()(2, 8, seeded(1)), Noise()(2, 8, seeded(2)))


@pytest.mark.parametrize("arguments", [{"std": -1.0}, {"grain": 0}], ids=str)
def test_bad_arguments_raise(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="^std and grain must be"):
        Noise(**arguments)
