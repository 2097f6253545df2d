"""Any Darknet network with YOLO heads as a detector."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.ops import batched_nms

from diode_pl.detector.base import Dense, Detections, Detector, Outputs
from diode_pl.detector.cfg import ConfigError, Section, number_sections, read_cfg
from diode_pl.detector.initialization import draw_weights
from diode_pl.detector.layers import Convolution, YoloHead
from diode_pl.detector.network import Layer, build_layers
from diode_pl.detector.unlearned import never_learned
from diode_pl.detector.weights_file import STATE_SUFFIXES, load_darknet, load_state
from diode_pl.detector.yolo_loss import YoloLoss, full_precision, yolo_box
from diode_pl.targets import Targets

_CANDIDATES = 30_000  # an image; noise and untrained networks yield half a million, and suppression is quadratic


class Darknet(Detector):
    """A network of Darknet sections that ends in YOLO heads.

    Args:
        cfg: path of a .cfg file, or sections written in code, ``[net]`` first.
        weights: path of Darknet .weights, or of a .safetensors, .pt or .pth file that holds the state dict of such a
            detector; None draws random ones from the global generator.
        names: path of a file with one class name a line, or the names.
        backbone_sections: how many sections, ``[net]`` not counted, make up the backbone. None: up to the last
            ``shortcut`` before the first ``yolo``; in networks without, up to the first ``route`` or ``yolo``.
        box_gain: see :class:`~diode_pl.detector.yolo_loss.YoloLoss`.
        class_gain: as above.
        objectness_gain: as above.
        anchor_threshold: as above.
        twin_similarity: see :func:`~diode_pl.detector.unlearned.never_learned`; 1 takes every class as learned.

    Raises:
        ConfigError: the definition, the weights and the names do not fit each other, or hold what is not supported.
        ValueError: ``backbone_sections`` is out of range, or two classes share a name.

    Source: Redmon and Farhadi, YOLOv3: An Incremental Improvement, 2018.
    """

    def __init__(
        self,
        cfg: str | Path | Sequence[Section],
        weights: str | Path | None,
        names: str | Path | Sequence[str],
        backbone_sections: int | None = None,
        box_gain: float = 3.54,
        class_gain: float = 37.4,
        objectness_gain: float = 64.3,
        anchor_threshold: float = 0.225,
        twin_similarity: float = 0.9,
    ) -> None:
        for key, path in (("cfg", cfg), ("weights", weights), ("names", names)):
            if isinstance(path, str | Path) and not Path(path).is_file():
                raise ConfigError(f"{key}: {Path(path).resolve()} does not exist")
        sections = read_cfg(cfg) if isinstance(cfg, str | Path) else number_sections(cfg, "network in code")
        network = build_layers(sections)
        if not any(isinstance(layer.module, YoloHead) for layer in network):
            raise ConfigError(f"{sections[0].file}: found no [yolo] section; expected at least one")
        super().__init__(_class_names(names, network), stride=math.ceil(max(layer.shape.stride for layer in network)))
        self.layers = nn.ModuleList(layer.module for layer in network)
        self.yolo_loss = YoloLoss(box_gain, class_gain, objectness_gain, anchor_threshold)
        self._twin_similarity = twin_similarity
        self._sources = [layer.sources for layer in network]
        self._dead = _last_uses(self._sources)
        self._before_head = _last_convolutions(network)
        self._backbone_sections = _backbone(sections) if backbone_sections is None else backbone_sections
        if not 0 <= self._backbone_sections <= len(network):
            raise ValueError(f"backbone_sections must be from 0 to {len(network)}, got {backbone_sections}")
        if weights is None:
            draw_weights(self.layers, self._before_head)
        elif Path(weights).suffix in STATE_SUFFIXES:
            load_state(self, weights)
        else:
            load_darknet(network, weights)

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

    @property
    def _yolo_heads(self) -> list[YoloHead]:
        return [layer for layer in self.layers if isinstance(layer, YoloHead)]

    def loss(self, outputs: Outputs, targets: Targets) -> dict[str, Tensor]:
        yolo = self._yolo_heads
        anchors, scales_xy = [head.anchors for head in yolo], [head.scale_xy for head in yolo]
        return self.yolo_loss(outputs.heads, anchors, scales_xy, outputs.image_size, targets)

    def decode(self, outputs: Outputs) -> Dense:
        boxes, objectness, classes, priors, cells = [], [], [], [], []
        height, width = outputs.image_size
        for raw, yolo in zip(outputs.heads, self._yolo_heads, strict=True):
            raw = full_precision(raw)
            ny, nx = raw.shape[2:4]
            # In cells: anchors by the cells that a pixel spans, as in the loss.
            anchors = yolo.anchors.to(raw.dtype)
            anchors = torch.stack([anchors[:, 0] * (nx / width), anchors[:, 1] * (ny / height)], dim=1)[:, None, None]
            x = torch.arange(nx, dtype=raw.dtype, device=raw.device)
            y = torch.arange(ny, dtype=raw.dtype, device=raw.device)[:, None]
            box = yolo_box(raw[..., :4], anchors, yolo.scale_xy)
            boxes.append(_corners(box[..., 0] + x, box[..., 1] + y, box[..., 2:], nx, ny).flatten(1, 3))
            objectness.append(raw[..., 4].sigmoid().flatten(1))
            classes.append(raw[..., 5:].sigmoid().flatten(1, 3))
            shape = (len(anchors), ny, nx)
            middle_x, middle_y = (x + 0.5).expand(shape), (y + 0.5).expand(shape)
            priors.append(_corners(middle_x, middle_y, anchors, nx, ny).flatten(0, 2))
            cells.append(_corners(middle_x, middle_y, torch.ones_like(anchors), nx, ny).flatten(0, 2))
        of_images = [torch.cat(parts, dim=1) for parts in (boxes, objectness, classes)]
        return Dense(of_images[0], of_images[1], of_images[2], torch.cat(priors), torch.cat(cells))

    @torch.no_grad()
    def predict(
        self, outputs: Outputs, confidence: float = 0.005, iou: float = 0.45, max_detections: int = 100
    ) -> list[Detections]:
        dense = self.decode(outputs)
        found = []
        for boxes, objectness, classes in zip(dense.boxes, dense.objectness, dense.classes, strict=True):
            scores = objectness[:, None] * classes
            # Each class of each box above the confidence is a candidate of its own.
            box, label = torch.nonzero(scores > confidence).unbind(dim=1)
            score, order = scores[box, label].sort(descending=True, stable=True)
            box, label, score = box[order[:_CANDIDATES]], label[order[:_CANDIDATES]], score[:_CANDIDATES]
            # batched_nms moves classes apart by the largest coordinate: in float32 a far box would blur the others.
            keep = batched_nms(boxes[box].double(), score.double(), label, iou)[:max_detections]
            found.append(Detections(boxes[box[keep]].clamp(0, 1), score[keep], label[keep]))
        return found

    @torch.no_grad()
    def learned_classes(self) -> dict[str, int]:
        weights = []
        for i in sorted(self._before_head):
            convolution, head = self.layers[i], self.layers[i + 1]
            assert isinstance(convolution, Convolution) and isinstance(head, YoloHead)
            each = convolution.conv.weight.flatten(1).unflatten(0, (-1, 5 + head.classes))[:, 5:]
            weights.append(each.transpose(0, 1).flatten(1))
        unlearned = never_learned(torch.cat(weights, dim=1), self._twin_similarity).tolist()
        return {name: i for i, name in enumerate(self.class_names) if not unlearned[i]}

    def norm_layers(self) -> list[nn.Module]:
        return [layer.norm for layer in self.layers if isinstance(layer, Convolution) and layer.norm is not None]

    @property
    def backbone_norm_layers(self) -> int:
        backbone = list(self.layers)[: self._backbone_sections]
        return sum(isinstance(layer, Convolution) and layer.norm is not None for layer in backbone)


def _corners(x: Tensor, y: Tensor, size: Tensor, nx: int, ny: int) -> Tensor:
    """x1, y1, x2, y2 in units of the image, from centre and size in cells."""
    w, h = size[..., 0] / 2, size[..., 1] / 2
    return torch.stack([(x - w) / nx, (y - h) / ny, (x + w) / nx, (y + h) / ny], dim=-1)


def _class_names(names: str | Path | Sequence[str], network: Sequence[Layer]) -> list[str]:
    if isinstance(names, str | Path):
        lines = Path(names).read_text(encoding="utf-8").splitlines()
        listed = [line.strip() for line in lines if line.strip()]
    else:
        listed = list(names)
    for layer in network:
        if isinstance(layer.module, YoloHead) and layer.module.classes != len(listed):
            raise layer.section.error(
                f"{layer.module.classes} classes", f"{len(listed)}, as many as there are names", "classes"
            )
    return listed


def _last_uses(sources: Sequence[tuple[int, ...]]) -> list[list[int]]:
    """For each layer the maps that no later one reads, so that they can go."""
    last = {source: reader for reader, read in enumerate(sources) for source in read}
    return [[source for source, reader in last.items() if reader == i] for i in range(len(sources))]


def _last_convolutions(network: Sequence[Layer]) -> frozenset[int]:
    """Numbers of the convolutions whose output is a head."""
    numbers = set()
    for i, layer in enumerate(network):
        if isinstance(layer.module, YoloHead):
            if i == 0 or not isinstance(network[i - 1].module, Convolution):
                kind = network[i - 1].section.kind if i else "net"
                raise layer.section.error(f"it follows a [{kind}]", "a [convolutional] before it")
            numbers.add(i - 1)
    return frozenset(numbers)


def _backbone(sections: Sequence[Section]) -> int:
    kinds = [section.kind for section in sections[1:]]
    kinds = kinds[: kinds.index("yolo")]
    if "shortcut" in kinds:
        return len(kinds) - kinds[::-1].index("shortcut")
    return kinds.index("route") if "route" in kinds else len(kinds)
