"""Terms of the student's objective: what teacher and student say of one batch -> scalar."""

from diode_pl.distill.base import DistillLoss, Lesson
from diode_pl.distill.decoded import Decoded
from diode_pl.distill.detection import Detection
from diode_pl.distill.dicod import Dicod
from diode_pl.distill.epoch_means import EpochMeans
from diode_pl.distill.fkd import FKD
from diode_pl.distill.mimic import Mimic
from diode_pl.distill.objective import Objective
from diode_pl.distill.objectness_scaled import ObjectnessScaled

__all__ = [
    "FKD",
    "Decoded",
    "Detection",
    "Dicod",
    "DistillLoss",
    "EpochMeans",
    "Lesson",
    "Mimic",
    "Objective",
    "ObjectnessScaled",
]
