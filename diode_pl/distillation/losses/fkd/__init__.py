"""Feature-based knowledge distillation: attention, masked features and non-local relations of feature maps."""

from diode_pl.distillation.losses.fkd.fkd import FKD
from diode_pl.distillation.losses.fkd.parts import Method

__all__ = ["FKD", "Method"]
