"""Terms of the synthesis objective: one step's state -> scalar."""

from diode_pl.losses.base import Loss, Step
from diode_pl.losses.batch_norm import BatchNorm
from diode_pl.losses.detection import Detection
from diode_pl.losses.objective import Objective
from diode_pl.losses.pixel_norm import PixelNorm
from diode_pl.losses.self_similarity import SelfSimilarity
from diode_pl.losses.total_variation import TotalVariation

__all__ = ["BatchNorm", "Detection", "Loss", "Objective", "PixelNorm", "SelfSimilarity", "Step", "TotalVariation"]
