"""RetinaNet and Faster R-CNN on a narrow stack of convolutions, for small images."""

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.ops import Conv2dNormActivation, FeaturePyramidNetwork, MultiScaleRoIAlign

_CHANNELS = (16, 32, 64, 128, 192)
_REPEATS = (1, 1, 2, 2, 2)
_ANCHORS = ((16, 20, 25), (32, 40, 51), (64, 81, 102))  # for objects of 16 to 120 pixels
_RATIOS = (0.5, 1.0, 2.0)
_HEAD_CONVOLUTIONS = 4  # of torchvision's RetinaNet


class NarrowBackbone(nn.Module):
    """Five stages of convolutions with batch norm, each of which halves the size, and a pyramid on the last three.

    Args:
        channels: of each stage.
        repeats: convolutions of each stage; the first has stride 2.
        pyramid: channels of the pyramid's maps, with strides 8, 16 and 32.

    Raises:
        ValueError: if there are not five stages, or a stage has no convolution.
    """

    def __init__(self, channels: Sequence[int], repeats: Sequence[int], pyramid: int) -> None:
        super().__init__()
        if len(channels) != 5 or len(repeats) != 5 or min(repeats) < 1:
            raise ValueError(
                f"channels and repeats: expected five numbers >= 1, got {list(channels)} and {list(repeats)}"
            )
        self.body = nn.ModuleList()
        for before, within, count in zip((3, *channels), channels, repeats, strict=False):
            further = [Conv2dNormActivation(within, within) for _ in range(count - 1)]
            self.body.append(nn.Sequential(Conv2dNormActivation(before, within, stride=2), *further))
        for layer in self.body.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        self.fpn = FeaturePyramidNetwork(list(channels[2:]), pyramid, norm_layer=nn.BatchNorm2d)
        self.out_channels = pyramid

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> dict[str, Tensor]:
        """Maps of the pyramid by number, finest first."""
        maps = [images]
        for stage in self.body:
            maps.append(stage(maps[-1]))
        return self.fpn(OrderedDict((str(i), each) for i, each in enumerate(maps[3:])))


def narrow_retinanet(
    num_classes: int,
    channels: Sequence[int] = _CHANNELS,
    repeats: Sequence[int] = _REPEATS,
    pyramid: int = 64,
    head_convolutions: int = 2,
    anchors: Sequence[Sequence[int]] = _ANCHORS,
) -> RetinaNet:
    """RetinaNet with three maps, at strides 8, 16 and 32.

    Args:
        num_classes: number of classes.
        channels, repeats: see :class:`NarrowBackbone`.
        pyramid: channels of the feature pyramid and of the heads, a multiple of 8.
        head_convolutions: convolutions of each head before its last, from 1 to 4.
        anchors: sides in pixels, for each map.

    Raises:
        ValueError: if an argument is out of range.

    Source: Lin et al., Focal Loss for Dense Object Detection, ICCV 2017.
    """
    if not 1 <= head_convolutions <= _HEAD_CONVOLUTIONS:
        raise ValueError(f"head_convolutions: expected 1 to {_HEAD_CONVOLUTIONS}, got {head_convolutions}")
    backbone, generator = NarrowBackbone(channels, repeats, pyramid), _generator(anchors)
    # The head is shared between maps, whose statistics batch norm would mix.
    norm = partial(nn.GroupNorm, 8)
    head = RetinaNetHead(pyramid, generator.num_anchors_per_location()[0], num_classes, norm)
    for part in (head.classification_head, head.regression_head):
        del part.conv[head_convolutions:]
    return RetinaNet(backbone, num_classes, anchor_generator=generator, head=head)


def narrow_faster_rcnn(
    num_classes: int,
    channels: Sequence[int] = _CHANNELS,
    repeats: Sequence[int] = _REPEATS,
    pyramid: int = 64,
    anchors: Sequence[Sequence[int]] = _ANCHORS,
    proposals: int = 100,
    sampled: int = 64,
    pooled: int = 5,
    hidden: int = 128,
) -> FasterRCNN:
    """Faster R-CNN with three maps, at strides 8, 16 and 32.

    Args:
        num_classes: number of classes including background.
        channels, repeats, pyramid: see :class:`NarrowBackbone`.
        anchors: sides in pixels, for each map.
        proposals: maximum number per image.
        sampled: proposals per image in the loss; four times as many anchors.
        pooled: height and width that proposals are pooled to, in cells.
        hidden: width of the second stage's layers.

    Raises:
        ValueError: if an argument is out of range.

    Source: Ren et al., Faster R-CNN, NeurIPS 2015; Lin et al., Feature Pyramid Networks, CVPR 2017.
    """
    backbone, generator = NarrowBackbone(channels, repeats, pyramid), _generator(anchors)
    # Objects of 32 to 64 pixels are pooled at stride 8, of 64 to 128 at 16: four to eight cells.
    pool = MultiScaleRoIAlign(["0", "1", "2"], pooled, sampling_ratio=2, canonical_scale=64, canonical_level=4)
    return FasterRCNN(
        backbone,
        rpn_anchor_generator=generator,
        rpn_pre_nms_top_n_train=4 * proposals,
        rpn_pre_nms_top_n_test=4 * proposals,
        rpn_post_nms_top_n_train=proposals,
        rpn_post_nms_top_n_test=proposals,
        rpn_batch_size_per_image=4 * sampled,
        box_roi_pool=pool,
        box_head=TwoMLPHead(pyramid * pooled**2, hidden),
        box_predictor=FastRCNNPredictor(hidden, num_classes),
        box_batch_size_per_image=sampled,
    )


def _generator(anchors: Sequence[Sequence[int]]) -> AnchorGenerator:
    if len(anchors) != 3 or len({len(sides) for sides in anchors}) != 1:
        raise ValueError(f"anchors: expected equally many sides for each of three maps, got {[*map(list, anchors)]}")
    return AnchorGenerator(tuple(tuple(sides) for sides in anchors), (_RATIOS,) * 3)
