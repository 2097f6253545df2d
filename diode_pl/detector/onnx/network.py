"""Networks of torch with the weights and the head of an ONNX file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from onnx import ModelProto, TensorProto
from torch import Tensor, fx, nn

from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.onnx.file import NORM
from diode_pl.detector.onnx.graph import cut, keep_batches, read_inputs
from diode_pl.detector.onnx.head import EXPECTED, Head, recognize_head
from diode_pl.detector.onnx.package import convert
from diode_pl.detector.onnx.reference import require_agreement, run_model

_OPEN = 320  # pixels, for a size that the file leaves open
_UPSAMPLING = ("Resize", "Upsample", "ConvTranspose")


class Network(NamedTuple):
    """A converted network.

    Args:
        module: returns class logits (n, classes, h, w) of each level, then the logits of distances
            (n, 4 x bins, h, w), then the feature maps that enter them.
        head: what was recognized.
        step: image sides must be multiples of it, in pixels.
        backbone_norms: batch norm layers before the first upsampling, or without any before the finest feature map.
    """

    module: Any  # torch.fx has no types for its calls
    head: Head
    step: int
    backbone_norms: int


def build_network(model: ModelProto, path: Path, classes: int | None) -> Network:
    """Converts a graph, without what follows its last convolutions, and compares it with what the file computes.

    Args:
        model: of :func:`read_model`; changed in place.
        path: of its file, for error messages.
        classes: number of class names; None if it is not known.

    Raises:
        ConfigError: if the graph has another input or head than expected, cannot be converted, computes something else
            afterwards, or runs at one size only.
    """
    images = torch.rand(1, 3, *_file_size(model, path), generator=torch.Generator().manual_seed(0))
    outputs = run_model(model, images, path)
    shapes = {name: value.shape for name, value in outputs.items()}
    try:
        head = recognize_head(model, shapes, (images.shape[2], images.shape[3]), classes)
    except ValueError as error:
        listed = ", ".join(f"{name} {tuple(shape)}" for name, shape in shapes.items())
        raise ConfigError(f"weights: {path} has the outputs {listed}; {EXPECTED}; {error}") from error
    keep_batches(model.graph)
    wanted = [each.scores for each in head.levels] + [each.boxes for each in head.levels]
    features = [each.features for each in head.levels]
    try:
        part, first = cut(model, wanted + features), cut(model, features[:1])
    except Exception as error:  # of shapes that cannot be inferred
        reason = str(error).strip().partition("\n")[0]
        raise ConfigError(f"weights: {path} has a graph that is at odds with itself ({reason})") from error
    module = convert(part, path).eval()
    kinds = [node.op_type for node in part.graph.node]
    norms = sum(isinstance(layer, nn.BatchNorm2d) for layer in module.modules())
    if norms != kinds.count(NORM):
        raise ConfigError(
            f"weights: {path} has {kinds.count(NORM)} {NORM} nodes before its head, of which {norms} are of feature "
            "maps and have weights in the file; expected all"
        )
    if not norms:
        raise ConfigError(f"weights: {path} has its {NORM} nodes after the head; expected them in the network")
    _compare(module, head, images, outputs, path)
    upsampling = next((i for i, kind in enumerate(kinds) if kind in _UPSAMPLING), None)
    before = [node.op_type for node in first.graph.node] if upsampling is None else kinds[:upsampling]
    return Network(module, head, _find_step(module, head, path), before.count(NORM))


def run_stem(module: Any, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c p q"]:
    """Output of the first batch norm layer of a converted network, from which on a size may not fit."""
    layers, graph = dict(module.named_modules()), fx.Graph()
    copied: dict[fx.Node, fx.Node] = {}
    for node in module.graph.nodes:
        copied[node] = graph.node_copy(node, lambda each: copied[each])
        if node.op == "call_module" and isinstance(layers[node.target], nn.BatchNorm2d):
            graph.output(copied[node])
            break
    return fx.Interpreter(module, graph=graph).run(images)


def _file_size(model: ModelProto, path: Path) -> tuple[int, int]:
    """Height and width of images that the file takes."""
    inputs = read_inputs(model.graph)
    (kind, shape), *others = inputs.values() or [(0, [])]
    if others or kind != TensorProto.FLOAT or len(shape) != 4 or shape[1] not in (0, 3) or shape[0] > 1:
        listed = ", ".join(
            f"{name} {tuple(each or '?' for each in sizes)} of {TensorProto.DataType.Name(kind).lower()}"
            for name, (kind, sizes) in inputs.items()
        )
        raise ConfigError(
            f"weights: {path} has the inputs {listed or 'none'}; expected one, images of float (1, 3, h, w)"
        )
    return shape[2] or _OPEN, shape[3] or _OPEN


def _rows(maps: Sequence[Tensor]) -> list[Tensor]:
    return [each.flatten(2).transpose(1, 2) for each in maps]


def _compare(module: Any, head: Head, images: Tensor, outputs: Any, path: Path) -> None:
    """Compares with what the file gives for the same images."""
    with torch.no_grad():
        found = module(images)
    levels, expected = len(head.levels), []
    scores = [each.sigmoid() for each in found[:levels]] if head.probabilities else list(found[:levels])
    for name in [each.score_output for each in head.levels] + [each.box_output for each in head.levels]:
        value = torch.from_numpy(outputs[name])
        expected.append(value if value.ndim == 3 else value.flatten(2).transpose(1, 2))
    rows = _rows([*scores, *found[levels : 2 * levels]])
    if [each.shape for each in rows] != [each.shape for each in expected]:
        raise ConfigError(f"weights: {path} lays out its outputs in another way than row by row; {EXPECTED}")
    require_agreement(rows, expected, "onnxruntime was asked for the same image", path)


def _find_step(module: Any, head: Head, path: Path) -> int:
    """The smallest power of two that image sides must be multiples of."""
    coarsest, reason = head.levels[-1].stride, ""
    for step in (2**i for i in range(2, coarsest.bit_length())):
        side = step * (2 * coarsest // step + 1)  # an odd multiple
        images = torch.rand(2, 3, side, side + 2 * coarsest, generator=torch.Generator().manual_seed(0))
        try:
            together = _run(module, head, images)
        except (RuntimeError, ValueError, IndexError) as error:
            reason = str(error).strip().partition("\n")[0]
            continue
        alone = [_run(module, head, image[None]) for image in images]
        single = [torch.cat(each) for each in zip(*alone, strict=True)]
        require_agreement(together, single, "two images were given together and one by one", path)
        return step
    raise ConfigError(
        f"weights: {path} runs at no other size than that in the file, which is written into its graph ({reason})"
    )


def _run(module: Any, head: Head, images: Float[Tensor, "n 3 h w"]) -> Sequence[Tensor]:
    """Outputs; raises a ValueError if they are not one map of each stride."""
    with torch.no_grad():
        found: Sequence[Tensor] = module(images)
    sizes = [tuple(-(-side // each.stride) for side in images.shape[2:]) for each in head.levels]
    shapes = [(len(each), *each.shape[2:]) for each in found]
    if shapes != 3 * [(len(images), *size) for size in sizes]:
        raise ValueError(f"maps of {tuple(images.shape[2:])} px are {shapes}")
    return found
