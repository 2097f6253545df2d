"""A small Faster R-CNN with random weights that has opinions."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN as Network
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, FastRCNNPredictor, TwoMLPHead
from torchvision.ops import Conv2dNormActivation, MultiScaleRoIAlign

from diode_pl.detector.torchvision.faster_rcnn import FasterRCNN

NAMES = ("cat", "dog", "cup")
SIZE = 64  # of images, in pixels


def network(num_classes: int, width: int = 16, normed_head: bool = False, **options: float) -> Network:
    """Maps of strides 4, 8 and 16; a second stage over the first two."""
    widths = (3, 8, 12, 16)
    stages = [Conv2dNormActivation(i, o, stride=2) for i, o in pairwise(widths)]
    stages[0].append(nn.MaxPool2d(3, 2, 1))
    backbone = BackboneWithFPN(nn.Sequential(*stages[:2]), {"0": "0", "1": "1"}, list(widths[1:3]), width)
    head = TwoMLPHead(width * 9, 24)
    if normed_head:
        head = FastRCNNConvFCHead((width, 3, 3), [8], [24], norm_layer=nn.BatchNorm2d)
    return Network(
        backbone,
        rpn_anchor_generator=AnchorGenerator(((10,), (20,), (40,)), ((0.5, 1.0, 2.0),) * 3),
        box_roi_pool=MultiScaleRoIAlign(["0", "1"], 3, 2, canonical_scale=40, canonical_level=3),
        box_head=head,
        box_predictor=FastRCNNPredictor(24, num_classes),
        min_size=SIZE,
        max_size=SIZE,
        **{
            "rpn_pre_nms_top_n_train": 60,
            "rpn_pre_nms_top_n_test": 60,
            "rpn_post_nms_top_n_train": 40,
            "rpn_post_nms_top_n_test": 40,
        }
        | options,
    )


@torch.no_grad()
def faster_rcnn(names: Sequence[str] = NAMES, seed: int = 0, **options: float) -> FasterRCNN:
    """In eval mode, with the norm statistics of random images and scores that differ."""
    torch.manual_seed(seed)
    detector = FasterRCNN(lambda num_classes: network(num_classes, **options), None, names)
    rpn, roi_heads = detector.network.rpn, detector.network.roi_heads
    for layer in (*rpn.head.modules(), *roi_heads.modules()):
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.normal_(layer.bias, std=0.2)
    for layer in (rpn.head.bbox_pred, roi_heads.box_predictor.bbox_pred):
        layer.weight.mul_(0.2)
    layers = detector.norm_layers()
    for layer in layers:
        layer.momentum = None  # the mean over all that it sees
    detector.train()
    detector.decode(detector(images(4)))
    for layer in layers:
        layer.momentum = 0.1
    return detector.eval()


def images(count: int = 2, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed))
