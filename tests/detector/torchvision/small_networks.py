"""Narrow networks of torchvision's classes and of ours, with maps of a few cells, for images of 64 pixels."""

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models.detection import FCOS, RetinaNet
from torchvision.models.detection import FasterRCNN as TorchvisionFasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.fcos import FCOSHead
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.models.detection.ssd import SSD
from torchvision.models.detection.ssdlite import SSDLiteFeatureExtractorMobileNet, SSDLiteHead
from torchvision.models.mobilenetv3 import InvertedResidualConfig, MobileNetV3
from torchvision.ops import Conv2dNormActivation, MultiScaleRoIAlign

from diode_pl.detector import narrow_faster_rcnn, narrow_retinanet
from diode_pl.detector.torchvision.faster_rcnn import FasterRCNN
from diode_pl.detector.torchvision.ssd_backbone import ssd_vgg16_bn

NAMES = ("cat", "dog", "cup")
SIZE = 64  # of images, in pixels

# Our own networks, narrow.
FEW = {"channels": (8, 8, 8, 16, 16), "repeats": (1, 1, 1, 1, 1), "pyramid": 16}
tiny_retinanet = partial(narrow_retinanet, **FEW)
tiny_faster_rcnn = partial(narrow_faster_rcnn, **FEW, hidden=16)


def pyramid(width: int) -> BackboneWithFPN:
    """Maps of strides 8, 16, 32 and 64, all of that many channels."""
    widths = (3, 8, 16, 16, 16)
    stages = [Conv2dNormActivation(i, o, stride=2) for i, o in pairwise(widths)]
    stages[0].append(nn.MaxPool2d(3, 2, 1))
    return BackboneWithFPN(nn.Sequential(*stages), {"1": "0", "2": "1", "3": "2"}, list(widths[2:]), width)


def retinanet(num_classes: int) -> RetinaNet:
    anchors = AnchorGenerator(((16,), (32,), (48,), (64,)), ((0.5, 1.0, 2.0),) * 4)
    head = RetinaNetHead(16, 3, num_classes, norm_layer=partial(nn.GroupNorm, 4))
    return RetinaNet(pyramid(16), num_classes, anchor_generator=anchors, head=head)


def fcos(num_classes: int) -> FCOS:
    anchors = AnchorGenerator(((8,), (16,), (32,), (64,)), ((1.0,),) * 4)
    width = 64  # it norms its head in 32 groups, each of which needs two numbers
    return FCOS(pyramid(width), num_classes, anchor_generator=anchors, head=FCOSHead(width, 1, num_classes, 1))


class Stages(nn.Module):
    """A backbone as SSD wants it: a map of each part."""

    def __init__(self, parts: list[nn.Module], out_channels: list[int]) -> None:
        super().__init__()
        self.features = parts[0]
        self.extra = nn.ModuleList(parts[1:])
        self.out_channels = out_channels

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        maps = [self.features(images)]
        for part in self.extra:
            maps.append(part(maps[-1]))
        return OrderedDict((str(i), each) for i, each in enumerate(maps))


def ssd(num_classes: int) -> SSD:
    """Without norm layers, and as VGG with maps of odd sizes whose default boxes stand in fixed steps."""

    def layers(*widths: int, stride: int = 1) -> list[nn.Module]:
        convolutions = [nn.Conv2d(i, o, 3, stride, 1) for i, o in pairwise(widths)]
        return [layer for each in convolutions for layer in (each, nn.ReLU(inplace=True))]

    pool = partial(nn.MaxPool2d, 2, 2, ceil_mode=True)
    first = nn.Sequential(*layers(3, 8, 8), pool(), *layers(8, 16), pool(), *layers(16, 16), pool(), *layers(16, 16))
    parts = [first, nn.Sequential(pool(), *layers(16, 24)), nn.Sequential(*layers(24, 16, stride=2))]
    boxes = DefaultBoxGenerator([[2], [2, 3], [2]], scales=[0.2, 0.4, 0.7, 0.9], steps=[8, 16, 32])
    return SSD(Stages(parts, [16, 24, 16]), boxes, (SIZE, SIZE), num_classes)


def ssd_bn(num_classes: int) -> SSD:
    network = ssd_vgg16_bn(num_classes, 0.03, repeats=(1, 1, 1, 1, 1), maps=3, scales=(0.1, 0.2, 0.35, 0.5))
    nn.init.constant_(network.backbone.first_scale, 4)  # with the usual 20, scores of random heads round to 1
    return network


def ssdlite(num_classes: int) -> SSD:
    def block(channels: int, wide: int, out: int, squeezed: bool, stride: int) -> InvertedResidualConfig:
        return InvertedResidualConfig(channels, 3, wide, out, squeezed, "HS", stride, 1, 1.0)

    blocks = [
        block(8, 8, 8, False, 2),
        block(8, 16, 16, True, 2),
        block(16, 32, 16, True, 1),
        block(16, 32, 24, True, 2),
    ]
    norm = partial(nn.BatchNorm2d, eps=0.001, momentum=0.03)
    # Torchvision's own network cuts the last strided block open in the same way.
    features = MobileNetV3(blocks, 32, norm_layer=norm).features
    backbone = SSDLiteFeatureExtractorMobileNet(features, 4, norm, width_mult=0.05, min_depth=16)
    boxes = DefaultBoxGenerator([[2, 3]] * 6, min_ratio=0.2, max_ratio=0.95)
    channels = [32, 144, 25, 16, 16, 16]
    head = SSDLiteHead(channels, boxes.num_anchors_per_location(), num_classes, norm)
    mean_and_std = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    return SSD(backbone, boxes, (SIZE, SIZE), num_classes, head=head, **mean_and_std)


def faster_rcnn_network(
    num_classes: int, width: int = 16, normed_head: bool = False, **options: float
) -> TorchvisionFasterRCNN:
    """Maps of strides 4, 8 and 16; a second stage over the first two."""
    widths = (3, 8, 12, 16)
    stages = [Conv2dNormActivation(i, o, stride=2) for i, o in pairwise(widths)]
    stages[0].append(nn.MaxPool2d(3, 2, 1))
    backbone = BackboneWithFPN(nn.Sequential(*stages[:2]), {"0": "0", "1": "1"}, list(widths[1:3]), width)
    head = TwoMLPHead(width * 9, 24)
    if normed_head:
        head = FastRCNNConvFCHead((width, 3, 3), [8], [24], norm_layer=nn.BatchNorm2d)
    return TorchvisionFasterRCNN(
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
    detector = FasterRCNN(lambda num_classes: faster_rcnn_network(num_classes, **options), None, names)
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


def calibrated(network: nn.Module) -> nn.Module:
    """With norm statistics that are not those of a new network."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean)
            nn.init.uniform_(layer.running_var, 0.5, 2.0)
    return network


def same(one: nn.Module, other: nn.Module) -> bool:
    """Whether two networks have the same numbers; frozen norm layers count no batches."""
    first, second = one.state_dict(), other.state_dict()
    names = {name for name in (first | second) if not name.endswith("num_batches_tracked")}
    return all(torch.equal(first[name], second[name]) for name in names)


def state_file(module: nn.Module, path: Path) -> Path:
    state = module.state_dict()
    save_file(state, path) if path.suffix == ".safetensors" else torch.save(state, path)
    return path
