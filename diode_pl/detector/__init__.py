"""Detectors: teacher, verifier and student alike."""

from diode_pl.detector.absent import no_detector
from diode_pl.detector.base import Dense, Detections, Detector, Outputs, Positives
from diode_pl.detector.cfg import ConfigError, Section
from diode_pl.detector.darknet import Darknet
from diode_pl.detector.fetch import FetchError, fetch
from diode_pl.detector.statistics import Moments, NormStatistics, moments
from diode_pl.detector.synchronised import synchronise
from diode_pl.detector.torchvision import (
    FCOS,
    SSD,
    FasterRCNN,
    RetinaNet,
    narrow_faster_rcnn,
    narrow_retinanet,
    ssd_vgg16_bn,
)
from diode_pl.detector.yolov3 import yolov3, yolov3_tiny

__all__ = [
    "ConfigError",
    "Darknet",
    "Dense",
    "Detections",
    "Detector",
    "FCOS",
    "FasterRCNN",
    "FetchError",
    "Moments",
    "NormStatistics",
    "Outputs",
    "Positives",
    "RetinaNet",
    "SSD",
    "Section",
    "fetch",
    "moments",
    "narrow_faster_rcnn",
    "narrow_retinanet",
    "no_detector",
    "ssd_vgg16_bn",
    "synchronise",
    "yolov3",
    "yolov3_tiny",
]
