"""Rules by which the images and boxes of a synthetic set are accepted."""

from diode_pl.data.accept.base import Rule, Verdict
from diode_pl.data.accept.batch_norm import BatchNormDistance
from diode_pl.data.accept.gate import Gate
from diode_pl.data.accept.near_duplicates import NearDuplicates
from diode_pl.data.accept.saturation import Saturation
from diode_pl.data.accept.seen_by import SeenBy

__all__ = ["BatchNormDistance", "Gate", "NearDuplicates", "Rule", "Saturation", "SeenBy", "Verdict"]
