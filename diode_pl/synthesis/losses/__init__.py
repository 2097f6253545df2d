"""Terms of the synthesis objective: state of a step -> scalar."""

from diode_pl.synthesis.losses.base import Loss, SynthesisState
from diode_pl.synthesis.losses.batch_norm_statistics import BatchNormStatistics
from diode_pl.synthesis.losses.detection import Detection
from diode_pl.synthesis.losses.objective import Objective
from diode_pl.synthesis.losses.pixel_norm import PixelNorm
from diode_pl.synthesis.losses.self_similarity import SelfSimilarity
from diode_pl.synthesis.losses.total_variation import TotalVariation

__all__ = [
    "BatchNormStatistics",
    "Detection",
    "Loss",
    "Objective",
    "PixelNorm",
    "SelfSimilarity",
    "SynthesisState",
    "TotalVariation",
]
