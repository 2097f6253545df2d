"""Objectness for heads that have class outputs only."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def split_sigmoid(scores: Float[Tensor, "n m c"]) -> tuple[Float[Tensor, "n m"], Float[Tensor, "n m c"]]:
    """Objectness and class probabilities whose product is ``scores``, sigmoids in [0, 1].

    Objectness is the maximum over the classes; their sum would grow with the number of classes.
    """
    objectness = scores.amax(dim=2)
    return objectness, scores / objectness.clamp(min=1e-12)[..., None]


def split_softmax(
    logits: Float[Tensor, "*b o"], columns: Int[Tensor, " c"]
) -> tuple[Float[Tensor, "*b"], Float[Tensor, "*b c"]]:
    """Objectness and class probabilities whose product is the softmax over classes and background.

    Args:
        logits: of every output.
        columns: output of each class; all others, unnamed classes too, count as background.
    """
    # Filled, as an exporter does not know how many outputs a mask selects.
    taken = torch.zeros(logits.shape[-1], dtype=torch.bool, device=logits.device).index_fill(0, columns, True)
    known, others = logits[..., columns], logits.masked_fill(taken, -torch.inf)
    return (known.logsumexp(dim=-1) - others.logsumexp(dim=-1)).sigmoid(), known.softmax(dim=-1)
