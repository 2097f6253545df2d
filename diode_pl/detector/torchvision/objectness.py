"""Objectness for heads that have class outputs only."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def split_sigmoid(scores: Float[Tensor, "n m c"]) -> tuple[Float[Tensor, "n m"], Float[Tensor, "n m c"]]:
    """Objectness and class probabilities whose product is ``scores``, those of a head with one sigmoid per class.

    An object is as likely as the likeliest class; the sum would grow with the number of classes.

    Args:
        scores: of each class, in [0, 1].
    """
    objectness = scores.amax(dim=2)
    return objectness, scores / objectness.clamp(min=1e-12)[..., None]


def split_softmax(
    logits: Float[Tensor, "*b o"], columns: Int[Tensor, " c"]
) -> tuple[Float[Tensor, "*b"], Float[Tensor, "*b c"]]:
    """Objectness and class probabilities whose product is the softmax over classes and background.

    Args:
        logits: of every output.
        columns: the outputs that stand for a class; all others, unnamed classes too, count as background.
    """
    # Filled and not picked by a mask: an exporter cannot tell how many a mask picks.
    taken = torch.zeros(logits.shape[-1], dtype=torch.bool, device=logits.device).index_fill(0, columns, True)
    known, others = logits[..., columns], logits.masked_fill(taken, -torch.inf)
    return (known.logsumexp(dim=-1) - others.logsumexp(dim=-1)).sigmoid(), known.softmax(dim=-1)
