"""What a crop classifier is trained with: logits and labels -> scalar."""

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
        weight: factor of the term in the sum.

    Raises:
        ValueError: ``weight`` is negative or not finite.

    Attributes:
        kind: the form of the logits that the term trains, ``softmax`` or ``sigmoid``.
    """

    kind: Literal["softmax", "sigmoid"]

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        if not (math.isfinite(weight) and weight >= 0):
            raise ValueError(f"{type(self).__name__}: weight must be finite and >= 0, got {weight}")
        self.weight = weight

    @abstractmethod
    def forward(self, logits: Float[Tensor, "n c"], labels: Int[Tensor, " n"]) -> Float[Tensor, ""]:
        """The raw term, a mean over crops, before its weight.

        Args:
            logits: of each class, in float32 or better.
            labels: the right class, ``0 <= label < c``.
        """


class CrossEntropy(ClassificationLoss):
    """Negative logarithm of the right class's softmax probability, for heads that compare classes."""

    kind = "softmax"

    def forward(self, logits: Float[Tensor, "n c"], labels: Int[Tensor, " n"]) -> Float[Tensor, ""]:
        return functional.cross_entropy(logits, labels)


class BinaryCrossEntropy(ClassificationLoss):
    """Negative logarithm of what each class's own probability gives to the truth, for heads that judge each by itself.

    Summed over classes, as the likelihood of them all: beside :class:`CrossEntropy` a weight of 1 means equal shares.
    """

    kind = "sigmoid"

    def forward(self, logits: Float[Tensor, "n c"], labels: Int[Tensor, " n"]) -> Float[Tensor, ""]:
        truth = functional.one_hot(labels, logits.shape[1]).to(logits)
        return functional.binary_cross_entropy_with_logits(logits, truth, reduction="sum") / len(logits)


class Focal(ClassificationLoss):
    """Binary cross-entropy that counts less where a class is judged right already, summed over classes.

    Args:
        weight: factor of the term in the sum.
        alpha: share of the right class, in (0, 1); the others get 1 - ``alpha``.
        gamma: how much what is right already loses, not negative; 0 is the binary cross-entropy with shares.

    Raises:
        ValueError: a number is out of range.

    Source: Lin et al., ICCV 2017, eq. 5.
    """

    kind = "sigmoid"

    def __init__(self, weight: float = 1.0, alpha: float = 0.25, gamma: float = 2.0) -> None:
        super().__init__(weight)
        if not 0 < alpha < 1 or not (math.isfinite(gamma) and gamma >= 0):
            raise ValueError(f"Focal: alpha and gamma must be in (0, 1) and >= 0, got {alpha} and {gamma}")
        self.alpha, self.gamma = alpha, gamma

    def forward(self, logits: Float[Tensor, "n c"], labels: Int[Tensor, " n"]) -> Float[Tensor, ""]:
        truth = functional.one_hot(labels, logits.shape[1]).to(logits)
        total: Tensor = sigmoid_focal_loss(logits, truth, self.alpha, self.gamma, reduction="sum")
        return total / len(logits)


def output_form(losses: list[ClassificationLoss]) -> Literal["softmax", "sigmoid", "both"]:
    """The form of the logits that losses train together.

    Raises:
        ValueError: there is no loss.
    """
    kinds = {loss.kind for loss in losses}
    if not kinds:
        raise ValueError("losses: no loss with a weight above 0 is left")
    return "both" if len(kinds) == 2 else kinds.pop()
