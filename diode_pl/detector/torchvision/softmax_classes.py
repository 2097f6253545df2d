"""Objectness for heads whose classes and background compete in a softmax."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def of_logits(
    logits: Float[Tensor, "*b o"], columns: Int[Tensor, " c"]
) -> tuple[Float[Tensor, "*b"], Float[Tensor, "*b c"]]:
    """Objectness and class probabilities whose product is the softmax.

    Args:
        logits: of every output.
        columns: the outputs that stand for a class; what is no class that has a name counts as background.
    """
    # Filled and not picked by a mask: an exporter cannot tell how many a mask picks.
    taken = torch.zeros(logits.shape[-1], dtype=torch.bool, device=logits.device).index_fill(0, columns, True)
    known, others = logits[..., columns], logits.masked_fill(taken, -torch.inf)
    return (known.logsumexp(dim=-1) - others.logsumexp(dim=-1)).sigmoid(), known.softmax(dim=-1)
