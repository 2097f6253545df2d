"""How large the differences in a batch are."""

import torch
from jaxtyping import Float
from torch import Tensor

REDUCTIONS = ("batch", "per_image")


def norm(differences: Float[Tensor, "n ..."], reduction: str = "batch") -> Float[Tensor, ""]:
    """Euclidean length; where all differences are 0 it is exactly 0, and so is its gradient.

    Args:
        differences: of one level of the features, in float32 or better.
        reduction: ``batch``: of all images as one vector, which grows with the root of their number; ``per_image``:
            the mean of the images' own lengths.
    """
    if reduction == "batch":
        return torch.linalg.vector_norm(differences)
    return torch.linalg.vector_norm(differences.flatten(1), dim=1).mean()
