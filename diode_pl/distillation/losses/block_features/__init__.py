"""Distillation between the inputs of norm layers: one by one, or by regression where the detectors differ."""

from diode_pl.distillation.losses.block_features.block_features import BlockFeatures

__all__ = ["BlockFeatures"]
