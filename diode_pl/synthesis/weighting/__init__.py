"""Which factor each term of the synthesis objective gets."""

from diode_pl.synthesis.weighting.base import LossWeighting
from diode_pl.synthesis.weighting.fixed import ConstantWeights
from diode_pl.synthesis.weighting.gradient import GradientShares

__all__ = ["LossWeighting", "ConstantWeights", "GradientShares"]
