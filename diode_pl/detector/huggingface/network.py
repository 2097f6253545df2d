"""Networks of the package, and the folder that it opens."""

import copy
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.ops import FrozenBatchNorm2d

from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.huggingface.package import Package, silence
from diode_pl.detector.torchvision.frozen_norms import freeze_norms, has_batch_counter

_EPS = 1e-5  # of the package's frozen batch norm
_TOKENS = ("cls_token", "detection_tokens", "position_embeddings", "mid_position_embeddings")
_PROCESSORS = {"detr": "DetrImageProcessor", "yolos": "YolosImageProcessor"}  # RT-DETR's for the others


def make_config(package: Package, description: Mapping[str, Any]) -> Any:
    """The package's configuration object of a description.

    Raises:
        ConfigError: if the package refuses it.
    """
    keys = copy.deepcopy(dict(description))
    if "id2label" in keys:
        keys["id2label"] = {int(number): name for number, name in keys["id2label"].items()}
        keys["label2id"] = {name: number for number, name in keys["id2label"].items()}
    return _attempt(package, lambda: package.make_config(keys.pop("model_type"), **keys))


def build_network(package: Package, description: Mapping[str, Any]) -> nn.Module:
    """Builds a network with random weights from the global generator.

    What the package leaves near or at 0, as it expects weights that are loaded, begins as in the papers: factors of
    batch norm layers at 1, and tokens and positions of YOLOS near 0, but no two alike.

    Args:
        package: the installation.
        description: of :func:`read_description`.

    Raises:
        ConfigError: if the package cannot build it.
    """
    config = make_config(package, description)
    with silence():
        network = _attempt(package, lambda: package.from_config(config, dtype=torch.float32))
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.ones_(layer.weight)
    for name, value in network.named_parameters():
        if name.rpartition(".")[2] in _TOKENS:
            nn.init.trunc_normal_(value, std=0.02)
    return prepare_network(network)


def prepare_network(network: Any) -> nn.Module:
    """Makes constants of a network buffers and all of its parameters trainable, in place."""
    decoder = getattr(network.base_model, "decoder", network)
    for name in ("up", "reg_scale"):  # of D-FINE: numbers, not weights
        if isinstance(value := getattr(decoder, name, None), nn.Parameter):
            delattr(decoder, name)
            decoder.register_buffer(name, value.detach())
    for parameter in network.parameters():
        parameter.requires_grad_(True)
    # The number of images stays a symbol where a network is exported; the built-in function takes it for a constant.
    vars(sys.modules[type(network.base_model).__module__])["len"] = _count
    return network


def _count(values: Any) -> int:
    return values.shape[0] if isinstance(values, Tensor) else len(values)


def set_norms(network: Any, frozen: bool | None) -> bool:
    """Makes batch norm of the backbone frozen or not, in place; returns whether it is.

    Frozen layers are torchvision's afterwards, which compute the same and tell their epsilon.

    Args:
        network: of :func:`build_network`, or with weights.
        frozen: whether these layers never learn; None: as they are.
    """
    backbone = getattr(network.base_model, "backbone", None)
    if backbone is None:
        return False
    if frozen and _frozen(backbone) == []:
        freeze_norms(backbone)
    for name in _frozen(backbone):
        old, count = backbone.get_submodule(name), len(backbone.get_submodule(name).weight)
        new = nn.BatchNorm2d(count, _EPS) if frozen is False else FrozenBatchNorm2d(count, _EPS)
        new.load_state_dict(old.state_dict(), strict=False)
        backbone.set_submodule(name, new)
    return _frozen(backbone) != []


def to_package_folder(
    package: Package, network: Any, resolution: int, normalization: tuple[list[float], list[float]]
) -> dict[str, bytes]:
    """Files of a folder that ``AutoModelForObjectDetection.from_pretrained(path)`` opens, by name.

    Args:
        package: the installation.
        network: of a detector.
        resolution: height and width in pixels of the images that it was trained on.
        normalization: mean and standard deviation of pixels in [0, 1].
    """
    config = copy.deepcopy(network.config)
    if hasattr(config, "freeze_backbone_batch_norms"):
        config.freeze_backbone_batch_norms = _frozen(network.base_model.backbone) != []
    # The package freezes the norms of DETR's backbone, whose counters of batches its layers lack.
    state = {name: value.detach().cpu() for name, value in network.state_dict().items()}
    if config.model_type == "detr":
        state = {name: value for name, value in state.items() if not has_batch_counter(name)}
    mean, std = normalization
    plain = mean == [0.0] * 3 and std == [1.0] * 3
    processor = {
        "image_processor_type": _PROCESSORS.get(config.model_type, "RTDetrImageProcessor"),
        **{"do_resize": True, "size": {"height": resolution, "width": resolution}, "do_pad": False},
        **{"do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": not plain},
        **{"image_mean": mean, "image_std": std},
    }
    with TemporaryDirectory() as folder, silence():
        network.save_pretrained(folder, state_dict=state)
        config.save_pretrained(folder)
        files = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
    return files | {"preprocessor_config.json": json.dumps(processor, indent=2).encode()}


def _frozen(backbone: nn.Module) -> list[str]:
    """Names of the layers that have running statistics and are not batch norm."""
    layers = backbone.named_modules()
    return [n for n, layer in layers if hasattr(layer, "running_var") and not isinstance(layer, nn.BatchNorm2d)]


def _attempt(package: Package, build: Callable[[], Any]) -> Any:
    try:
        return build()
    except Exception as error:  # of whatever layer
        reason = " ".join(str(error).split())
        raise ConfigError(f"model: transformers {package.version} cannot build it: {reason}") from error
