"""Frozen batch norm."""

from pathlib import Path

from safetensors import safe_open
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from diode_pl.detector.torchvision.pretrained import pretrained_eps

_EPS = "frozen_norm_eps"  # key in the metadata of a .safetensors file


def freeze_norms(module: nn.Module) -> None:
    """Replaces every batch norm layer in ``module`` by a frozen one."""
    for name, child in module.named_children():
        if not isinstance(child, nn.BatchNorm2d):
            freeze_norms(child)
            continue
        layer = FrozenBatchNorm2d(child.num_features, child.eps)
        layer.load_state_dict({key: value for key, value in child.state_dict().items() if not has_batch_counter(key)})
        setattr(module, name, layer)


def has_batch_counter(key: str) -> bool:
    """Whether an entry of a state dict counts batches, which frozen norm layers do not."""
    return key.endswith("num_batches_tracked")


def frozen_norm_metadata(module: nn.Module) -> dict[str, str]:
    """Metadata with the epsilon of frozen norm layers, which a state dict lacks; empty without such layers."""
    eps = {layer.eps for layer in module.modules() if isinstance(layer, FrozenBatchNorm2d)}
    return {_EPS: repr(eps.pop())} if len(eps) == 1 else {}


def restore_frozen_norms(module: nn.Module, path: Path) -> None:
    """Sets the epsilon of frozen norm layers to that of a weights file, if it is known."""
    layers = [layer for layer in module.modules() if isinstance(layer, FrozenBatchNorm2d)]
    if not layers:  # saves reading the file again
        return
    if path.suffix.lower() == ".safetensors":
        with safe_open(path, framework="pt") as content:
            eps = (content.metadata() or {}).get(_EPS)
    else:
        eps = pretrained_eps(path)
    for layer in layers:
        layer.eps = layer.eps if eps is None else float(eps)
