"""Norm layers that never learn."""

from pathlib import Path

from safetensors import safe_open
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from diode_pl.detector.torchvision.pretrained import pretrained_eps

_NOTE = "frozen_norm_eps"  # in the metadata of a .safetensors file


def freeze_norms(module: nn.Module) -> None:
    """Replaces every batch norm layer below ``module`` by one that is frozen, with the same numbers."""
    for name, child in module.named_children():
        if not isinstance(child, nn.BatchNorm2d):
            freeze_norms(child)
            continue
        layer = FrozenBatchNorm2d(child.num_features, child.eps)
        layer.load_state_dict({key: value for key, value in child.state_dict().items() if not has_batch_counter(key)})
        setattr(module, name, layer)


def has_batch_counter(key: str) -> bool:
    """Whether an entry of a state dict counts batches; norm layers that are frozen have none."""
    return key.endswith("num_batches_tracked")


def frozen_norm_metadata(module: nn.Module) -> dict[str, str]:
    """What frozen norm layers add to the variance, which a state dict does not hold; empty without such layers."""
    added = {layer.eps for layer in module.modules() if isinstance(layer, FrozenBatchNorm2d)}
    return {_NOTE: repr(added.pop())} if len(added) == 1 else {}


def restore_frozen_norms(module: nn.Module, path: Path) -> None:
    """Gives frozen norm layers what a weights file tells of them beside their numbers, if anything."""
    layers = [layer for layer in module.modules() if isinstance(layer, FrozenBatchNorm2d)]
    if not layers:  # no need to read all of the file once more
        return
    added = _noted_eps(path) if path.suffix == ".safetensors" else pretrained_eps(path)
    for layer in layers:
        layer.eps = layer.eps if added is None else added


def _noted_eps(path: Path) -> float | None:
    with safe_open(path, framework="pt") as content:
        noted = (content.metadata() or {}).get(_NOTE)
    return None if noted is None else float(noted)
