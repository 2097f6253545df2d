"""Darknet networks with YOLO heads."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diode_pl.class_names import read_names
from diode_pl.detector.base import DensePredictions, Detector, MatchedPredictions, Outputs
from diode_pl.detector.darknet.anchors import fit_anchors, replace_anchors, to_image_units
from diode_pl.detector.darknet.builder import Layer, build_layers, count_backbone, find_freeable, find_head_convolutions
from diode_pl.detector.darknet.cfg import ConfigError, Section, number_sections, read_cfg
from diode_pl.detector.darknet.inheritance import cut_out
from diode_pl.detector.darknet.layers import Convolution, MaxPool, YoloHead
from diode_pl.detector.darknet.loading import load_weights
from diode_pl.detector.darknet.transfer import resize_heads
from diode_pl.detector.darknet.weights import draw_weights
from diode_pl.detector.darknet.yolo_decode import decode_yolo, match_yolo_predictions
from diode_pl.detector.darknet.yolo_loss import YoloLoss, YoloOutputs
from diode_pl.detector.partial_weights import FOR_OTHER_CLASSES
from diode_pl.detector.untrained_classes import untrained_classes
from diode_pl.io.text_files import describe_no_file
from diode_pl.io.weights_metadata import read_resolution
from diode_pl.numerics.dtypes import at_least_float32
from diode_pl.targets import Targets


class Darknet(Detector):
    """A Darknet network with YOLO heads.

    Args:
        cfg: path of a .cfg file; or sections in code, ``[net]`` first; or a function that returns them for a number of
            ``classes``, called with that of the names.
        weights: path of Darknet .weights, or of a state dict as .safetensors, .pt or .pth; None draws random ones from
            the global generator.
        names: path of a file with one class name per line, or the names.
        backbone_sections: number of sections of the backbone, without ``[net]``. None: up to the last ``shortcut``
            before the first ``yolo``; without a ``shortcut``, up to the first ``route`` or ``yolo``.
        partial: True takes of ``weights`` what fits by name and shape, and draws the rest; N takes the first N layers
            of a .weights file whose network differs after them. A network with random layers gets heads for ``names``,
            whatever number of classes ``cfg`` says.
        box_gain, class_gain, objectness_gain, anchor_threshold: see
            :class:`~diode_pl.detector.darknet.yolo_loss.YoloLoss`.
        twin_similarity: see :func:`untrained_classes`; with 1 every class counts as learned.

    Raises:
        ConfigError: if definition, weights and names do not match, or something is not supported.
        ValueError: if ``backbone_sections`` is out of range, two classes have the same name, or ``weights`` state other
            names than ``names``, unless ``partial``.

    Source: Redmon and Farhadi, YOLOv3: An Incremental Improvement, 2018.

    Example:
        >>> from diode_pl.detector.darknet.yolov3 import yolov3_tiny
        >>> detector = Darknet(yolov3_tiny(classes=2, width=0.1), weights=None, names=["cat", "dog"])
        >>> outputs = detector(torch.rand(1, 3, 64, 64))
        >>> [tuple(head.shape) for head in outputs.heads]
        [(1, 3, 2, 2, 7), (1, 3, 4, 4, 7)]
    """

    def __init__(
        self,
        cfg: str | Path | Sequence[Section] | Callable[..., Sequence[Section]],
        weights: str | Path | None,
        names: str | Path | Sequence[str],
        backbone_sections: int | None = None,
        partial: bool | int = False,
        box_gain: float = 3.54,
        class_gain: float = 37.4,
        objectness_gain: float = 64.3,
        anchor_threshold: float = 0.225,
        twin_similarity: float = 0.9,
    ) -> None:
        for key, path in (("cfg", cfg), ("weights", weights), ("names", names)):
            if isinstance(path, str | Path) and not Path(path).is_file():
                raise ConfigError(f"{key}: {describe_no_file(path)}")
        if not -1 <= twin_similarity <= 1:
            raise ConfigError(f"twin_similarity must be in [-1, 1], got {twin_similarity}")
        if partial < 0:
            raise ConfigError(f"partial must be True, False or a number of layers, got {partial}")
        listed = read_names(names)
        if callable(cfg):
            cfg = cfg(classes=len(listed))
        sections = read_cfg(cfg) if isinstance(cfg, str | Path) else number_sections(cfg, "network in code")
        if weights is None or partial:
            sections = resize_heads(sections, len(listed))
        network = build_layers(sections)
        if not any(isinstance(layer.module, YoloHead) for layer in network):
            raise ConfigError(f"{sections[0].file}: found no [yolo] section; expected at least one")
        super().__init__(
            _class_names(listed, network, weights is not None),
            stride=math.ceil(max(layer.shape.stride for layer in network)),
        )
        self.sections = sections
        self._resolution: int | None = None  # that the weights were trained at
        self.layers = nn.ModuleList(layer.module for layer in network)
        self.yolo_loss = YoloLoss(box_gain, class_gain, objectness_gain, anchor_threshold)
        self._twin_similarity = twin_similarity
        self._options: dict[str, Any] = {
            "box_gain": box_gain,
            "class_gain": class_gain,
            "objectness_gain": objectness_gain,
            "anchor_threshold": anchor_threshold,
            "twin_similarity": twin_similarity,
        }
        self._sources = [layer.sources for layer in network]
        self._dead = find_freeable(self._sources)
        self._before_head = find_head_convolutions(network)
        self._backbone_sections = count_backbone(sections) if backbone_sections is None else backbone_sections
        if not 0 <= self._backbone_sections <= len(network):
            raise ValueError(f"backbone_sections must be from 0 to {len(network)}, got {backbone_sections}")
        if weights is None or partial:
            draw_weights(self.layers, self._before_head)
        if weights is not None:
            self.provenance = load_weights(self, sections, network, Path(weights), partial)
            self._resolution = None if partial else read_resolution(weights)

    def fit_anchors(self, sizes: Float[Tensor, "n 2"]) -> None:
        anchors = fit_anchors(sizes, len(self._heads()[0][1].floats("anchors")) // 2)
        self.sections = replace_anchors(self.sections, anchors)
        for head, section in self._heads():
            mask = section.ints("mask") if "mask" in section.options else list(range(len(anchors)))
            head.anchors.copy_(anchors[mask])

    def inherit(self, other: Detector) -> None:
        if not isinstance(other, Darknet) or (self._sources, self.class_names) != (other._sources, other.class_names):
            raise ConfigError("inherit: the student must be the teacher's Darknet network, but for narrower layers")
        cut_out(self.layers, other.layers, self._sources)

    def fitted_anchors(self) -> Float[Tensor, "k 2"]:
        return to_image_units([head.anchors for head, _ in self._heads()], self.sections[0], self._resolution)

    def _heads(self) -> list[tuple[YoloHead, Section]]:
        pairs = zip(self.layers, self.sections[1:], strict=True)
        return [(layer, section) for layer, section in pairs if isinstance(layer, YoloHead)]

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Outputs:
        height, width = images.shape[2:]
        if height % self.stride or width % self.stride:
            raise ValueError(f"height and width must be multiples of {self.stride}, got {height} x {width}")
        maps, heads, features = {-1: images}, list[Tensor](), list[Tensor]()
        for i, layer in enumerate(self.layers):
            inputs = [maps[source] for source in self._sources[i]]
            if i in self._before_head:
                features.append(inputs[0])
            if isinstance(layer, YoloHead):
                heads.append(layer(inputs[0]))
            else:
                maps[i] = layer(*inputs)
            for source in self._dead[i]:
                del maps[source]
        strides = tuple(height // head.shape[2] for head in heads)
        return Outputs(tuple(heads), tuple(features), strides, (height, width))

    def _yolo(self, outputs: Outputs) -> YoloOutputs:
        heads = [layer for layer in self.layers if isinstance(layer, YoloHead)]
        anchors, scales_xy = [head.anchors for head in heads], [head.scale_xy for head in heads]
        return YoloOutputs(outputs.heads, anchors, scales_xy, outputs.image_size)

    def loss(self, outputs: Outputs, targets: Targets) -> dict[str, Tensor]:
        return self.yolo_loss(self._yolo(outputs), targets)

    def decode(self, outputs: Outputs) -> DensePredictions:
        return decode_yolo(self._yolo(outputs))

    def class_logits(self, outputs: Outputs) -> Float[Tensor, "n m c"]:
        return torch.cat([at_least_float32(head[..., 5:]).flatten(1, 3) for head in outputs.heads], dim=1)

    def match_predictions(self, outputs: Outputs, targets: Targets) -> MatchedPredictions:
        return match_yolo_predictions(self._yolo(outputs), targets, self.yolo_loss.anchor_threshold)

    def forward_stem(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c p q"]:
        first = next(i for i, layer in enumerate(self.layers) if isinstance(layer, Convolution))
        pooled = isinstance(self.layers[first + 1], MaxPool)
        for layer in self.layers[: first + 1 + pooled]:
            images = layer(images)
        return images

    @torch.no_grad()
    def learned_classes(self) -> dict[str, int]:
        weights = []
        for i in sorted(self._before_head):
            convolution, head = self.layers[i], self.layers[i + 1]
            assert isinstance(convolution, Convolution) and isinstance(head, YoloHead)
            each = convolution.conv.weight.flatten(1).unflatten(0, (-1, 5 + head.classes))[:, 5:]
            weights.append(each.transpose(0, 1).flatten(1))
        unlearned = untrained_classes(torch.cat(weights, dim=1), self._twin_similarity).tolist()
        return {name: i for i, name in enumerate(self.class_names) if not unlearned[i]}

    def weights_metadata(self) -> dict[str, str]:
        written = [[section.kind, dict(section.options)] for section in self.sections]  # with anchors that were fitted
        own = {"class": "Darknet", "sections": written, "backbone_sections": self._backbone_sections}
        architecture = own | self._options
        return {"architecture": json.dumps(architecture)} if type(self) is Darknet else {}

    def norm_layers(self) -> list[nn.Module]:
        return _norms(self.layers)

    @property
    def backbone_norm_layers(self) -> int:
        return len(_norms(self.layers[: self._backbone_sections]))


def _norms(layers: nn.ModuleList) -> list[nn.Module]:
    return [layer.norm for layer in layers if isinstance(layer, Convolution) and layer.norm is not None]


def _class_names(listed: list[str], network: Sequence[Layer], has_weights: bool) -> list[str]:
    for layer in network:
        if isinstance(layer.module, YoloHead) and layer.module.classes != len(listed):
            expected = f"{len(listed)}, as many as there are names of objects"
            expected += f"; {FOR_OTHER_CLASSES}" if has_weights else ""
            raise layer.section.error(f"{layer.module.classes} classes", expected, "classes")
    return listed
