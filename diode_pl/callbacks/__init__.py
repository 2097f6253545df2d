"""What happens beside the optimisation: scores, files, logs, progress."""

from diode_pl.callbacks.exponential_average import ExponentialAverage
from diode_pl.callbacks.image_log import ImageLog
from diode_pl.callbacks.image_writer import ImageWriter
from diode_pl.callbacks.loss_log import LossLog
from diode_pl.callbacks.progress import SynthesisProgress
from diode_pl.callbacks.verifier import Verifier

__all__ = ["ExponentialAverage", "ImageLog", "ImageWriter", "LossLog", "SynthesisProgress", "Verifier"]
