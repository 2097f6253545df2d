"""Detectors, used as teacher, verifier or student."""

from diode_pl.detector.base import DensePredictions, Detections, Detector, MatchedPredictions, Outputs
from diode_pl.detector.bn_statistics import BatchNormRecorder, ChannelStats, channel_stats
from diode_pl.detector.darknet.cfg import ConfigError, Section
from diode_pl.detector.darknet.detector import Darknet
from diode_pl.detector.darknet.yolov3 import yolov3, yolov3_tiny
from diode_pl.detector.download import DownloadError, download_file
from diode_pl.detector.huggingface.detector import HuggingFace
from diode_pl.detector.like_teacher import like_teacher
from diode_pl.detector.none import no_detector
from diode_pl.detector.norm_inputs import record_inputs
from diode_pl.detector.onnx.detector import Onnx
from diode_pl.detector.sync_batch_norm import convert_sync_batch_norm
from diode_pl.detector.torchvision.faster_rcnn import FasterRCNN
from diode_pl.detector.torchvision.fcos import FCOS
from diode_pl.detector.torchvision.narrow_models import narrow_faster_rcnn, narrow_retinanet
from diode_pl.detector.torchvision.retinanet import RetinaNet
from diode_pl.detector.torchvision.ssd import SSD
from diode_pl.detector.torchvision.ssd_backbone import ssd_vgg16_bn
from diode_pl.detector.ultralytics.detector import Ultralytics
from diode_pl.detector.weights_file import load_weights_file
from diode_pl.provenance import GIVEN_WEIGHTS

__all__ = [
    "GIVEN_WEIGHTS",
    "ConfigError",
    "Darknet",
    "DensePredictions",
    "Detections",
    "Detector",
    "FCOS",
    "FasterRCNN",
    "DownloadError",
    "HuggingFace",
    "ChannelStats",
    "BatchNormRecorder",
    "Onnx",
    "Outputs",
    "MatchedPredictions",
    "RetinaNet",
    "SSD",
    "Section",
    "Ultralytics",
    "download_file",
    "channel_stats",
    "like_teacher",
    "load_weights_file",
    "narrow_faster_rcnn",
    "narrow_retinanet",
    "no_detector",
    "record_inputs",
    "ssd_vgg16_bn",
    "convert_sync_batch_norm",
    "yolov3",
    "yolov3_tiny",
]
