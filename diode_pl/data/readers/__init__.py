"""Readers of data sets, one per format."""

from diode_pl.data.readers.base import BadFileCounter, BadImage, Example, ImageSet
from diode_pl.data.readers.coco import Coco
from diode_pl.data.readers.files import ImageFiles
from diode_pl.data.readers.folder import ImageFolder
from diode_pl.data.readers.noise import UniformNoise
from diode_pl.data.readers.none import no_images
from diode_pl.data.readers.synthetic import Synthetic
from diode_pl.data.readers.union import WeightedUnion
from diode_pl.data.readers.voc import Voc
from diode_pl.data.readers.yolo import Yolo
from diode_pl.io.annotation import Annotation

__all__ = ["Annotation", "BadImage", "Coco", "Example", "BadFileCounter"]
__all__ += ["ImageFiles", "ImageFolder", "ImageSet", "Synthetic", "UniformNoise", "Voc", "WeightedUnion", "Yolo"]
__all__ += ["no_images"]
