"""Detection of classes without training examples."""

from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F


def untrained_classes(weights: Float[Tensor, "c d"], twin_similarity: float = 0.9) -> Bool[Tensor, " c"]:
    """Finds classes without training examples from the weights of the last layer.

    All classes without examples get the same gradient and converge to the same weights. A class is untrained if its
    weights are nearly parallel to another class's. In four published networks the cosine similarity was at least 0.95
    for classes that are never detected on real images, and at most 0.84 for all others.

    Args:
        weights: weights of each class, over all heads and anchors.
        twin_similarity: cosine similarity to another class above which a class is untrained.

    Returns:
        True for untrained classes; a single untrained class is not found.
    """
    directions = F.normalize(weights, dim=1)
    similarity = (directions @ directions.T).fill_diagonal_(-1)
    return similarity.max(dim=1).values > twin_similarity
