"""Distillation losses: outputs of teacher and student on one batch -> scalar."""

from diode_pl.distillation.losses.base import DistillationBatch, DistillLoss
from diode_pl.distillation.losses.block_features import BlockFeatures
from diode_pl.distillation.losses.decoded import Decoded
from diode_pl.distillation.losses.detection import Detection
from diode_pl.distillation.losses.dicod import Dicod
from diode_pl.distillation.losses.fkd import FKD
from diode_pl.distillation.losses.mimic import Mimic
from diode_pl.distillation.losses.objective import Objective
from diode_pl.distillation.losses.objectness_scaled import ObjectnessScaled

__all__ = [
    "FKD",
    "BlockFeatures",
    "Decoded",
    "Detection",
    "Dicod",
    "DistillLoss",
    "DistillationBatch",
    "Mimic",
    "Objective",
    "ObjectnessScaled",
]
