"""Feature-based knowledge distillation: where the teacher looks, what it sees there, and how places relate."""

from diode_pl.distillation.losses.fkd.fkd import FKD

__all__ = ["FKD"]
