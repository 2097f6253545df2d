import pytest
import torch

from diode_pl.data.readers import UniformNoise
from diode_pl.provenance import NOISE


def test_values_are_uniform_and_follow_from_the_numbers() -> None:
    noise = UniformNoise(3, 64)
    values = noise[1].image.double()
    assert values.mean().item() == pytest.approx(127.5, abs=2) and values.std().item() == pytest.approx(73.9, abs=1)
    assert torch.equal(noise[1].image, UniformNoise(9, 64)[1].image)
    others = [noise[2], UniformNoise(3, 64, seed=1)[1], UniformNoise(3, 64, split="val")[1]]
    assert not any(torch.equal(noise[1].image, other.image) for other in others)
    assert noise.class_names == () and not len(noise[0].labels) and noise.provenance == NOISE


def test_bad_numbers() -> None:
    with pytest.raises(ValueError, match="size and seed must be >= 1 and >= 0, got 0 and 0"):
        UniformNoise(0, 64)
    with pytest.raises(IndexError):
        UniformNoise(3, 64)[3]
