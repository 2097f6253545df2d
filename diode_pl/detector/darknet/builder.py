"""Builds the modules of a Darknet network."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import nn

from diode_pl.detector.darknet import layers
from diode_pl.detector.darknet.cfg import Section
from diode_pl.detector.darknet.schema import check_section
from diode_pl.io.quoting import quote

_MOST_WEIGHTS = 200_000_000  # 0.8 GB; the largest public networks have 130 million


@dataclass(frozen=True)
class Shape:
    """Channels, height and width of a map, and input pixels per cell."""

    channels: int
    height: int
    width: int
    stride: float

    def __str__(self) -> str:
        return f"{self.channels} x {self.height} x {self.width}"


@dataclass(frozen=True)
class Layer:
    """A module, the numbers of its input layers (-1 is the image) and the shape of its output."""

    section: Section
    module: nn.Module
    sources: tuple[int, ...]
    shape: Shape


def build_layers(sections: Sequence[Section]) -> list[Layer]:
    """Builds every layer of a network.

    Args:
        sections: of :func:`~diode_pl.detector.darknet.cfg.read_cfg`, ``[net]`` first.

    Raises:
        ConfigError: if a section, key, activation or layer number is unknown or does not match the other layers.
    """
    net = sections[0]
    check_section(net)
    if net.int_of("channels", 3) != 3:
        raise net.error("images have three channels", "channels=3", "channels")
    image = Shape(3, net.int_of("height", at_least=1), net.int_of("width", at_least=1), 1.0)
    built, weights = list[Layer](), 0
    for section in sections[1:]:
        check_section(section)
        sources = _sources(section, built)
        inputs = [built[i].shape if i >= 0 else image for i in sources]
        if section.kind == "convolutional":  # before it is built: a typing error may ask for more than there is
            per_group = inputs[0].channels // section.int_of("groups", 1, at_least=1)
            weights += per_group * section.int_of("filters", at_least=1) * section.int_of("size", 1, at_least=1) ** 2
            if weights > _MOST_WEIGHTS:
                raise section.error(f"{quote(weights)} weights so far", f"at most {_MOST_WEIGHTS:,}", "filters")
        module, shape = _BUILDERS[section.kind](section, inputs)
        if min(shape.height, shape.width) < 1:
            raise section.error(f"nothing is left of a map of {inputs[0]}", "a larger image or a smaller window")
        built.append(Layer(section, module, sources, shape))
    return built


def count_backbone(sections: Sequence[Section]) -> int:
    """Returns the number of sections of the backbone, without ``[net]``, where the definition does not say."""
    kinds = [section.kind for section in sections[1:]]
    kinds = kinds[: kinds.index("yolo")]
    if "shortcut" in kinds:
        return len(kinds) - kinds[::-1].index("shortcut")
    return kinds.index("route") if "route" in kinds else len(kinds)


def find_head_convolutions(network: Sequence[Layer]) -> frozenset[int]:
    """Positions of the convolutions whose output is a head."""
    numbers = set()
    for i, layer in enumerate(network):
        if isinstance(layer.module, layers.YoloHead):
            if i == 0 or not isinstance(network[i - 1].module, layers.Convolution):
                kind = network[i - 1].section.kind if i else "net"
                raise layer.section.error(f"it follows a [{kind}]", "a [convolutional] before it")
            numbers.add(i - 1)
    return frozenset(numbers)


def find_freeable(sources: Sequence[tuple[int, ...]]) -> list[list[int]]:
    """For each layer the maps that no later layer reads, which can be freed; ``sources`` are those of each layer."""
    last = {source: reader for reader, read in enumerate(sources) for source in read}
    return [[source for source, reader in last.items() if reader == i] for i in range(len(sources))]


def _sources(section: Section, built: list[Layer]) -> tuple[int, ...]:
    key = {"route": "layers", "shortcut": "from", "scale_channels": "from"}.get(section.kind)
    given = section.ints(key) if key else []
    numbers = [n if n >= 0 else section.number + n for n in given]
    for n in numbers:
        if not 0 <= n < section.number:
            raise section.error(f"there is no layer {n} before it", f"layers 0 to {section.number - 1}", key)
    if section.kind != "route":
        numbers.insert(0, section.number - 1)
    if key and not given:
        raise section.error("no layer is given", "at least one layer number", key)
    for n in numbers:
        if n >= 0 and built[n].section.kind == "yolo":
            raise section.error(f"it reads layer {n}, a [yolo], which yields no map", "another layer", key)
    return tuple(numbers)


def _activation(section: Section, default: str) -> str:
    name = section.text("activation", default)
    if name not in layers.ACTIVATIONS:
        raise section.error("this activation is not known", f"one of {', '.join(layers.ACTIVATIONS)}", "activation")
    return name


def _switch(section: Section, key: str) -> bool:
    value = section.int_of(key, 0)
    if value > 1:
        raise section.error(str(value), "0 or 1", key)
    return value == 1


def _convolutional(section: Section, inputs: list[Shape]) -> tuple[nn.Module, Shape]:
    (x,) = inputs
    filters, size = section.int_of("filters", at_least=1), section.int_of("size", 1, at_least=1)
    stride, groups = section.int_of("stride", 1, at_least=1), section.int_of("groups", 1, at_least=1)
    padding = size // 2 if _switch(section, "pad") else section.int_of("padding", 0)
    if x.channels % groups or filters % groups:
        raise section.error(f"{x.channels} channels in, {filters} out", "multiples of groups", "groups")
    normalize = _switch(section, "batch_normalize")
    activation = _activation(section, "logistic")  # Darknet's default
    module = layers.Convolution(x.channels, filters, size, stride, padding, groups, normalize, activation)
    height, width = ((side + 2 * padding - size) // stride + 1 for side in (x.height, x.width))
    return module, Shape(filters, height, width, x.stride * stride)


def _maxpool(section: Section, inputs: list[Shape]) -> tuple[nn.Module, Shape]:
    (x,) = inputs
    stride = section.int_of("stride", 1, at_least=1)
    size = section.int_of("size", stride, at_least=1)
    if (padding := section.int_of("padding", size - 1)) >= 2 * size:
        raise section.error("windows would lie outside the map", "padding below twice the size", "padding")
    height, width = ((side + padding - size) // stride + 1 for side in (x.height, x.width))
    return layers.MaxPool(size, stride, padding), Shape(x.channels, height, width, x.stride * stride)


def _avgpool(section: Section, inputs: list[Shape]) -> tuple[nn.Module, Shape]:
    # No stride: its single cell must not raise the stride of the network.
    return nn.AdaptiveAvgPool2d(1), Shape(inputs[0].channels, 1, 1, 1.0)


def _upsample(section: Section, inputs: list[Shape]) -> tuple[nn.Module, Shape]:
    (x,), stride = inputs, section.int_of("stride", 2, at_least=1)
    return nn.Upsample(scale_factor=stride), Shape(x.channels, x.height * stride, x.width * stride, x.stride / stride)


def _route(section: Section, inputs: list[Shape]) -> tuple[nn.Module, Shape]:
    groups, group = section.int_of("groups", 1, at_least=1), section.int_of("group_id", 0)
    first = inputs[0]
    if group >= groups:
        raise section.error(f"group {group} of {groups}", f"0 to {groups - 1}", "group_id")
    if any((x.height, x.width) != (first.height, first.width) or x.channels % groups for x in inputs):
        shapes = " and ".join(map(str, inputs))
        raise section.error(f"it joins maps of {shapes}", f"one height and width, channels in {groups} parts", "layers")
    return layers.Route(groups, group), replace(first, channels=sum(x.channels for x in inputs) // groups)


def _shortcut(section: Section, inputs: list[Shape]) -> tuple[nn.Module, Shape]:
    if len({(x.channels, x.height, x.width) for x in inputs}) > 1:
        raise section.error(f"it adds maps of {' and '.join(map(str, inputs))}", "one shape", "from")
    return layers.Shortcut(_activation(section, "linear")), inputs[0]


def _scale_channels(section: Section, inputs: list[Shape]) -> tuple[nn.Module, Shape]:
    if len(inputs) != 2 or (inputs[0].channels, inputs[0].height, inputs[0].width) != (inputs[1].channels, 1, 1):
        shapes = " and ".join(map(str, inputs))
        raise section.error(f"it multiplies maps of {shapes}", "c x 1 x 1 before it and one of c x h x w", "from")
    return layers.ScaleChannels(_activation(section, "linear")), inputs[1]


def _dropout(section: Section, inputs: list[Shape]) -> tuple[nn.Module, Shape]:
    probability = section.number_of("probability", 0.5)
    if not 0 <= probability <= 1:
        raise section.error(f"{probability:g}", "a number in [0, 1]", "probability")
    return nn.Dropout(probability), inputs[0]


def _yolo(section: Section, inputs: list[Shape]) -> tuple[nn.Module, Shape]:
    (x,), sides = inputs, section.floats("anchors")
    pairs = list(zip(sides[::2], sides[1::2], strict=False))
    mask = section.ints("mask") if "mask" in section.options else list(range(len(pairs)))
    if len(sides) % 2 or not sides or min(sides) <= 0:
        raise section.error(f"{len(sides)} numbers", "pairs of a width and a height above 0", "anchors")
    if not mask or min(mask) < 0 or max(mask) >= len(pairs):
        raise section.error(f"there are {len(pairs)} anchors", f"numbers from 0 to {len(pairs) - 1}", "mask")
    classes = section.int_of("classes", 20, at_least=1)
    if x.channels != (outputs := len(mask) * (5 + classes)):
        expected = f"{len(mask)} anchors x (5 + {classes} classes) = {outputs}"
        raise section.error(f"{x.channels} channels come in", expected, "classes")
    return layers.YoloHead([pairs[i] for i in mask], classes, section.number_of("scale_x_y", 1.0)), x


_BUILDERS = {
    "convolutional": _convolutional,
    "maxpool": _maxpool,
    "avgpool": _avgpool,
    "upsample": _upsample,
    "route": _route,
    "shortcut": _shortcut,
    "scale_channels": _scale_channels,
    "dropout": _dropout,
    "yolo": _yolo,
}
