"""Small random detectors of every kind, for the tests that all of them must pass."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from torch import Tensor, nn

from diode_pl.detector import Darknet, Detector
from diode_pl.detector.torchvision.faster_rcnn import FasterRCNN
from diode_pl.detector.torchvision.fcos import FCOS
from diode_pl.detector.torchvision.frozen_norms import freeze_norms
from diode_pl.detector.torchvision.retinanet import RetinaNet
from diode_pl.detector.torchvision.ssd import SSD
from diode_pl.targets import Targets
from tests.detector.darknet import small_network
from tests.detector.huggingface.small_networks import spread_boxes
from tests.detector.huggingface.small_networks import tiny as tiny_huggingface
from tests.detector.onnx.small_files import small_onnx
from tests.detector.torchvision import small_networks
from tests.detector.torchvision.small_networks import SIZE
from tests.detector.ultralytics.small_networks import tiny

NAMES = ("cat", "dog", "cup")


@dataclass(frozen=True)
class Case:
    """A build of detector.

    Args:
        draw: makes one of weights, None for random ones from the global generator, and class names.
        norms: how many norm layers a forward pass reaches, and how many of them belong to the backbone.
        frozen: whether its norm layers are of the kind that never learns.
        dense: whether its candidates are the same rows of its heads for every image.
        fixed: whether what its loss asks of the outputs does not depend on them.
        given: whether its weights come with its network, from a file.
        placed: whether each candidate is responsible for objects of one region.
        spread: makes its boxes differ, whose places come from weights alone.
        coarse: how far its features may be from those in full precision, which grows with the number of its layers.
    """

    draw: Callable[[Path | None, Sequence[str] | None], Detector]
    norms: tuple[int, int]
    frozen: bool = False
    dense: bool = True
    fixed: bool = True
    given: bool = False
    placed: bool = True
    spread: Callable[[Detector, Tensor], None] | None = None
    coarse: float = 0.15

    def lively(self, names: Sequence[str] = NAMES) -> Detector:
        """A random detector in eval mode, with the norm statistics of images and heads that have opinions."""
        detector = self.draw(None, names)
        for module in detector.modules():
            if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
                # Neither vanishing nor so strong that scores round to 1.
                nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
                # Above zero: FCOS measures nothing but distances.
                nn.init.uniform_(module.bias, 0, 1)
        _calibrate(detector)
        if self.spread is not None:
            self.spread(detector, some_images())
        if self.frozen:
            freeze_norms(detector)
        return detector.eval()


@torch.no_grad()
def _calibrate(detector: Detector) -> None:
    """Norm statistics of random images; with zeros and ones the signals of random weights vanish."""
    layers = [layer for layer in detector.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = None  # the mean over all that it sees
    detector.decode(detector.train()(torch.rand(4, 3, SIZE, SIZE)))  # a second stage, too
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


def small(name: str) -> Detector:
    """A detector of one's own of the build of that name, the same each time."""
    return copy.deepcopy(_drawn(name))


@cache
def _drawn(name: str) -> Detector:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return BUILDS[name].lively()


def some_images(count: int = 2, height: int = SIZE, width: int = SIZE, dtype: torch.dtype = torch.float32) -> Tensor:
    """The same random images each time."""
    draw = torch.Generator().manual_seed(0)
    return torch.rand(count, 3, height, width, generator=draw, dtype=torch.float64).to(dtype)


def some_targets(dtype: torch.dtype = torch.float32) -> Targets:
    """A box in the first image, two in the second, and between them one that is switched off."""
    boxes = [[0.1, 0.1, 0.6, 0.55], [0.2, 0.3, 0.7, 0.7], [0.3, 0.4, 0.95, 0.9], [0.55, 0.05, 0.9, 0.4]]
    labels, image = torch.tensor([1, 0, 0, 1]), torch.tensor([0, 0, 1, 1])
    valid = torch.tensor([True, False, True, True])
    return Targets(torch.tensor(boxes, dtype=dtype), labels, image, 2, valid)


def no_targets() -> Targets:
    """Two images without a box."""
    return Targets(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long), 2)


def darknet(weights: Path | None, names: Sequence[str] | None) -> Darknet:
    with TemporaryDirectory() as folder:
        # Its file says two classes.
        return Darknet(small_network.write_network(Path(folder))[0], weights, (names or NAMES)[:2])


queries = partial(Case, fixed=False, placed=False, spread=spread_boxes)

# One of each kind.
CASES = {
    "darknet": Case(darknet, (4, 2)),
    "retinanet": Case(partial(RetinaNet, small_networks.retinanet), (4, 4)),
    "fcos": Case(partial(FCOS, small_networks.fcos), (4, 4), frozen=True),
    "ssd": Case(partial(SSD, small_networks.ssd, stride=4, smallest=32), (0, 0)),
    "ssdlite": Case(partial(SSD, small_networks.ssdlite, stride=32, smallest=64), (37, 13)),
    "faster_rcnn": Case(partial(FasterRCNN, small_networks.faster_rcnn_network), (2, 2), dense=False),
    "ultralytics": Case(tiny, (24, 8), fixed=False),
    "onnx": Case(small_onnx, (7, 4), fixed=False, given=True),
    "rt_detr": queries(tiny_huggingface, (36, 12)),
}
faster_rcnn = small_networks.faster_rcnn_network
normed_faster_rcnn = partial(faster_rcnn, normed_head=True)
# With what others of a kind have.
BUILDS = CASES | {
    "ssd_bn": Case(partial(SSD, small_networks.ssd_bn, stride=4, smallest=12), (9, 7)),
    "faster_rcnn_bn": Case(partial(FasterRCNN, normed_faster_rcnn), (2, 2), dense=False),
    "ultralytics_center": Case(partial(tiny, assignment="center"), (24, 8)),
    "ultralytics_26": Case(partial(tiny, assignment="task_aligned", bins=1), (24, 8), fixed=False),
    "onnx_center": Case(
        partial(small_onnx, assignment="center", constants=True, shared=False, probabilities=False, as_maps=True),
        (7, 4),
        given=True,
    ),
    "d_fine": queries(partial(tiny_huggingface, family="d_fine"), (46, 17), coarse=0.4, spread=None),
    "detr": queries(partial(tiny_huggingface, family="detr"), (9, 9)),
    "yolos": queries(partial(tiny_huggingface, family="yolos"), (0, 0)),
    "faster_rcnn_frozen": Case(partial(FasterRCNN, faster_rcnn), (2, 2), frozen=True, dense=False),
}
every = pytest.mark.parametrize("name", BUILDS)
placed = pytest.mark.parametrize("name", [name for name, case in BUILDS.items() if case.dense and case.placed])
dense = pytest.mark.parametrize("name", [name for name, case in BUILDS.items() if case.dense])
