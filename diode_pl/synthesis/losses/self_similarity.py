"""Similarity of the images within a batch."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from diode_pl.synthesis.losses.base import Loss, SynthesisState


def self_similarity(features: Float[Tensor, "n c h w"]) -> Float[Tensor, ""]:
    """Mean cosine similarity in [-1, 1] between the pooled feature vectors of all pairs of images; 0 for one image."""
    count = len(features)
    if count < 2:
        return features.new_zeros(())
    vectors = F.normalize(features.mean(dim=(2, 3), dtype=torch.promote_types(features.dtype, torch.float32)), dim=1)
    total = (vectors.sum(dim=0).square().sum() - vectors.square().sum()) / (count * (count - 1))
    return torch.as_tensor(total)


class SelfSimilarity(Loss):
    """:func:`self_similarity` of the input of the teacher's first head.

    Args:
        weight: factor of the term; in the paper's code 0.

    Example:
        >>> self_similarity(torch.ones(2, 4, 3, 3))
        tensor(1.)
    """

    def __init__(self, weight: float = 0.0) -> None:
        super().__init__(weight)

    def __call__(self, step: SynthesisState) -> Float[Tensor, ""]:
        return self_similarity(step.outputs.features[0])
