import itertools
import math

import pytest
import torch

from diode_pl.synthesis.losses import SelfSimilarity
from diode_pl.synthesis.losses.self_similarity import self_similarity
from tests.tiny import tiny_step


def slow_self_similarity(features: torch.Tensor) -> float:
    """The cosine of one pair of images at a time."""
    vectors = [[sum(c.flatten().tolist()) / c.numel() for c in image] for image in features]
    cosines = [
        sum(p * q for p, q in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))
        for a, b in itertools.combinations(vectors, 2)
    ]
    return sum(cosines) / len(cosines)


def test_value_is_the_mean_cosine_of_pairs() -> None:
    features = torch.randn(5, 4, 3, 2) + 0.3
    assert self_similarity(features).item() == pytest.approx(slow_self_similarity(features), abs=1e-5)


def test_like_images_score_one_and_opposite_ones_minus_one() -> None:
    features = torch.randn(1, 4, 3, 3)
    assert self_similarity(features.expand(3, 4, 3, 3)).item() == pytest.approx(1, abs=1e-5)
    assert self_similarity(torch.cat([features, -2 * features])).item() == pytest.approx(-1, abs=1e-5)


def test_a_single_image_has_nothing_to_be_like() -> None:
    assert self_similarity(torch.rand(1, 4, 3, 3)) == 0


def test_gradient_is_right() -> None:
    features = torch.randn(3, 4, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(self_similarity, features)


def test_half_precision_is_summed_in_single() -> None:
    features = torch.randn(3, 4, 2, 2).bfloat16()
    assert self_similarity(features).dtype == torch.float32
    torch.testing.assert_close(self_similarity(features), self_similarity(features.float()))


def test_features_that_are_all_zero_give_numbers() -> None:
    features = torch.zeros(3, 4, 2, 2, requires_grad=True)
    self_similarity(features).backward()
    assert features.grad.isfinite().all()


def test_the_term_is_of_the_map_that_enters_the_head() -> None:
    step = tiny_step(torch.rand(3, 3, 8, 8))
    assert SelfSimilarity()(step) == self_similarity(step.outputs.features[0])
