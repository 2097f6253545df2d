"""Weights as they are written."""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor

from diode_pl.synthesis.weighting.base import LossWeighting


class ConstantWeights(LossWeighting):
    """Every term has the weight that stands in the YAML, in every step."""

    def weights(self, terms: Mapping[str, Float[Tensor, ""]], pixels: Float[Tensor, "n 3 h w"]) -> dict[str, float]:
        """Those of the YAML."""
        return self.stated
