"""Detectors whose networks are torchvision's."""

from diode_pl.detector.torchvision.faster_rcnn import FasterRCNN
from diode_pl.detector.torchvision.fcos import FCOS
from diode_pl.detector.torchvision.narrow_models import narrow_faster_rcnn, narrow_retinanet
from diode_pl.detector.torchvision.retinanet import RetinaNet
from diode_pl.detector.torchvision.ssd import SSD
from diode_pl.detector.torchvision.ssd_backbone import ssd_vgg16_bn

__all__ = ["FCOS", "SSD", "FasterRCNN", "RetinaNet", "narrow_faster_rcnn", "narrow_retinanet", "ssd_vgg16_bn"]
