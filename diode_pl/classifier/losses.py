"""Losses of crop classifiers: logits and labels -> scalar."""

import math
from abc import ABC, abstractmethod
from typing import Literal

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import sigmoid_focal_loss


class ClassificationLoss(nn.Module, ABC):
    """One term of a classifier's objective.

    Args:
        weight: factor of the loss in the sum.

    Raises:
        ValueError: if ``weight`` is negative or not finite.

    Attributes:
        kind: activation that the logits are trained for, ``softmax`` or ``sigmoid``.

    Example:
        >>> class Hinge(ClassificationLoss):
        ...     kind = "softmax"
        ...     def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        ...         return functional.multi_margin_loss(logits, labels)
    """

    kind: Literal["softmax", "sigmoid"]

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        if not (math.isfinite(weight) and weight >= 0):
            raise ValueError(f"{type(self).__name__}: weight must be finite and >= 0, got {weight}")
        self.weight = weight

    @abstractmethod
    def forward(self, logits: Float[Tensor, "n c"], labels: Int[Tensor, " n"]) -> Float[Tensor, ""]:
        """Returns the mean over crops, before the weight is applied, given logits in at least float32."""


class CrossEntropy(ClassificationLoss):
    """Softmax cross-entropy.

    Example:
        >>> import torch
        >>> CrossEntropy()(torch.zeros(5, 4), torch.tensor([0, 1, 2, 3, 0]))
        tensor(1.3863)
    """

    kind = "softmax"

    def forward(self, logits: Float[Tensor, "n c"], labels: Int[Tensor, " n"]) -> Float[Tensor, ""]:
        return functional.cross_entropy(logits, labels)


class BinaryCrossEntropy(ClassificationLoss):
    """Binary cross-entropy per class with one-hot targets, summed over classes.

    The sum is a log likelihood like :class:`CrossEntropy`, so that equal weights give equal shares.

    Example:
        >>> import torch
        >>> BinaryCrossEntropy()(torch.zeros(5, 4), torch.tensor([0, 1, 2, 3, 0]))
        tensor(2.7726)
    """

    kind = "sigmoid"

    def forward(self, logits: Float[Tensor, "n c"], labels: Int[Tensor, " n"]) -> Float[Tensor, ""]:
        truth = functional.one_hot(labels, logits.shape[1]).to(logits)
        return functional.binary_cross_entropy_with_logits(logits, truth, reduction="sum") / len(logits)


class Focal(ClassificationLoss):
    """Sigmoid focal loss, summed over classes.

    Args:
        alpha: weight of the positive class, in (0, 1); negatives get 1 - ``alpha``.
        gamma: focusing parameter, >= 0; 0 is the alpha-weighted binary cross-entropy.

    Raises:
        ValueError: if a number is out of range.

    Source: Lin et al., ICCV 2017, eq. 5.

    Example:
        >>> import torch
        >>> Focal(alpha=0.5, gamma=0.0)(torch.zeros(5, 4), torch.tensor([0, 1, 2, 3, 0]))
        tensor(1.3863)
    """

    kind = "sigmoid"

    def __init__(self, weight: float = 1.0, alpha: float = 0.25, gamma: float = 2.0) -> None:
        super().__init__(weight)
        if not 0 < alpha < 1 or not (math.isfinite(gamma) and gamma >= 0):
            raise ValueError(f"Focal: alpha and gamma must be in (0, 1) and >= 0, got {alpha} and {gamma}")
        self.alpha, self.gamma = alpha, gamma

    def forward(self, logits: Float[Tensor, "n c"], labels: Int[Tensor, " n"]) -> Float[Tensor, ""]:
        truth = functional.one_hot(labels, logits.shape[1]).to(logits)
        return sigmoid_focal_loss(logits, truth, self.alpha, self.gamma, reduction="sum") / len(logits)


def output_form(losses: list[ClassificationLoss]) -> Literal["softmax", "sigmoid", "both"]:
    """Returns the activation that the losses together train logits for; raises a ValueError if there is no loss."""
    kinds = {loss.kind for loss in losses}
    if not kinds:
        raise ValueError("losses: no loss with a weight above 0 is left")
    return "both" if len(kinds) == 2 else kinds.pop()
