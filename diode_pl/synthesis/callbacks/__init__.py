"""Callbacks of the synthesis: scores, files, logs, progress."""

from diode_pl.synthesis.callbacks.batch_checkpoint import BatchCheckpoint
from diode_pl.synthesis.callbacks.image_log import ImageLog
from diode_pl.synthesis.callbacks.image_writer import ImageWriter
from diode_pl.synthesis.callbacks.loss_log import LossLog
from diode_pl.synthesis.callbacks.progress import SynthesisProgress
from diode_pl.synthesis.callbacks.snapshots import Snapshots
from diode_pl.synthesis.callbacks.verifier import Verifier

__all__ = ["BatchCheckpoint", "ImageLog", "ImageWriter", "LossLog", "Snapshots", "SynthesisProgress", "Verifier"]
