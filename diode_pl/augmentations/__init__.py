"""Differentiable augmentations: (images, targets) -> (images, targets)."""

from diode_pl.augmentations.base import Augmentation
from diode_pl.augmentations.brightness import Brightness
from diode_pl.augmentations.contrast import Contrast
from diode_pl.augmentations.contrast_stretch import ContrastStretch
from diode_pl.augmentations.cutout import Cutout
from diode_pl.augmentations.flip import Flip
from diode_pl.augmentations.hue_saturation_value import HueSaturationValue
from diode_pl.augmentations.jitter import Jitter
from diode_pl.augmentations.zoom import Zoom

__all__ = [
    "Augmentation",
    "Brightness",
    "Contrast",
    "ContrastStretch",
    "Cutout",
    "Flip",
    "HueSaturationValue",
    "Jitter",
    "Zoom",
]
