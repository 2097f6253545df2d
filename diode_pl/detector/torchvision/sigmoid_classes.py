"""Objectness for heads that have none: every class is a yes or no of its own."""

from jaxtyping import Float
from torch import Tensor


def of_scores(scores: Float[Tensor, "n m c"]) -> tuple[Float[Tensor, "n m"], Float[Tensor, "n m c"]]:
    """Objectness and class probabilities whose product is ``scores``.

    An object is as likely as the likeliest class; the sum would grow with the number of classes.

    Args:
        scores: of each class, in [0, 1].
    """
    objectness = scores.amax(dim=2)
    return objectness, scores / objectness.clamp(min=1e-12)[..., None]
