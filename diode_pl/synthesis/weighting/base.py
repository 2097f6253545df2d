"""What every balance offers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor


class LossWeighting(ABC):
    """Turns the weights that stand in the YAML into factors of the terms."""

    def begin(self, stated: Mapping[str, float]) -> None:
        """Called before the first step of a stage; nothing of an earlier stage is left after it.

        Args:
            stated: weight of each term of the stage, positive.
        """
        self.stated = dict(stated)

    @abstractmethod
    def weights(self, terms: Mapping[str, Float[Tensor, ""]], pixels: Float[Tensor, "n 3 h w"]) -> dict[str, float]:
        """The factor of each term in this step; 0 for one that is left out of the sum.

        Args:
            terms: raw, with gradient.
            pixels: the images that are optimized; the terms depend on them.
        """

    def values(self) -> dict[str, float]:
        """What a log is to show of the last step, by name."""
        return {}
