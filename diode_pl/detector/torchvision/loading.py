"""A torchvision network with its weights, and which of its outputs stands for which class."""

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import WeightsEnum, get_model_weights
from torchvision.models.detection import FasterRCNN_ResNet50_FPN_Weights
from torchvision.ops import FrozenBatchNorm2d

from diode_pl.class_names import match_classes, read_names
from diode_pl.detector.cfg import ConfigError
from diode_pl.detector.fetch import FetchError
from diode_pl.detector.weights_file import STATE_SUFFIXES, data_access_of, read_state

# Torchvision's own networks for COCO have 91 outputs: background, 80 classes and numbers that were never given away.
_COCO = tuple(FasterRCNN_ResNet50_FPN_Weights.COCO_V1.meta["categories"])
COCO_CLASSES = tuple(name for name in _COCO if name not in ("__background__", "N/A"))
_PREFIX = "network."  # of the state dict of a detector; torchvision's own has none


@dataclass(frozen=True)
class Loaded:
    """A network that is ready.

    Args:
        network: torchvision's.
        class_names: in the order of the labels.
        columns: the output of each of them.
        data_access: see :class:`~diode_pl.detector.Detector`.
    """

    network: nn.Module
    class_names: list[str]
    columns: list[int]
    data_access: str | None


def load_network(
    build: Callable[..., nn.Module], weights: str | Path | None, names: str | Path | Sequence[str] | None, first: int
) -> Loaded:
    """Builds a network and fills it.

    Args:
        build: called with ``num_classes``, or with ``weights``: a member of torchvision's enumeration for it.
        weights: name of such a member (``COCO_V1``); or path of a state dict, of torchvision's network or of the whole
            detector; or None for random ones from the global generator.
        names: path of a file with one class name a line, or the names; None: COCO's, in torchvision's spelling.
        first: the output of the first class: 1 where output 0 is the background's, else 0.

    Raises:
        ConfigError: ``weights`` is neither, or they, the network and the names do not fit each other.
        FetchError: torchvision could not download them.
    """
    listed = list(COCO_CLASSES) if names is None else read_names(names)
    if weights is None:
        outputs = first + len(listed)
        return Loaded(build(num_classes=outputs), listed, _columns(listed, outputs, first), None)
    if not Path(weights).is_file():
        columns = match_classes(listed, _COCO)
        if min(columns) < 0:
            unknown = [name for name, column in zip(listed, columns, strict=True) if column < 0]
            raise ConfigError(
                f"weights={weights} knows COCO's classes, and names has others: {unknown}; teacher.names=null (or "
                "student.names, verifier.names) takes COCO's"
            )
        return Loaded(_published(build, str(weights)).requires_grad_(True), listed, columns, "given weights")
    state = {key.removeprefix(_PREFIX): value for key, value in read_state(weights).items()}
    # Who trains torchvision's one-stage networks on classes of their own mostly keeps an output for a background.
    for outputs in dict.fromkeys((first + len(listed), 1 + len(listed), len(_COCO))):
        columns = _columns(listed, outputs, first)
        tried = build(num_classes=outputs) if columns else None
        if tried is not None and not _fill(tried, state):
            return Loaded(tried, listed, columns, data_access_of(weights))
    raise ConfigError(
        f"{weights}: found another network's weights, or those of another number of classes than the "
        f"{len(listed)} of names; {_fill(build(num_classes=first + len(listed)), state)}"
    )


def _columns(names: Sequence[str], outputs: int, first: int) -> list[int]:
    """The output of each class; none where so many outputs do not go with so many names."""
    if outputs in (first + len(names), 1 + len(names)):
        return list(range(outputs - len(names), outputs))
    columns = match_classes(names, _COCO)
    return columns if outputs == len(_COCO) and min(columns) >= 0 else []


def _published(build: Callable[..., nn.Module], name: str) -> nn.Module:
    builder = build.func if isinstance(build, partial) else build
    try:
        known: dict[str, Any] = dict(get_model_weights(builder).__members__)
    except ValueError:  # no network that torchvision has weights for
        known = {}
    suffixes = ", ".join(sorted(STATE_SUFFIXES))
    if name not in known:
        raise ConfigError(
            f"teacher.weights={name} (or student.weights, verifier.weights): there is no such file; expected the path "
            f"of a state dict ({suffixes}), null for random weights"
            + (f", or one of torchvision's: {', '.join(known)}" if known else "")
        )
    weights: WeightsEnum = known[name]
    place = Path(torch.hub.get_dir()) / "checkpoints" / weights.url.rsplit("/", 1)[1]
    try:
        return build(weights=weights)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        if place.is_file():
            raise FetchError(f"{place} is damaged or another's: {error}. Remove it to have it downloaded") from error
        raise FetchError(
            f"cannot download {place.name} from {weights.url}: {error}. Try again, or get the file by other means and "
            f"put it at {place}, or name it: teacher.weights=FILE (or student.weights, verifier.weights)"
        ) from error


def _fill(network: nn.Module, state: dict[str, Tensor]) -> str:
    """Loads a state dict; returns what does not fit, if anything: then the network is of no more use."""
    try:
        # Torchvision's modules translate the names of their older versions while they load.
        missing, unexpected = network.load_state_dict(state, strict=False)
        faults = [f"{key} is missing" for key in missing if not _counts(key)]
        faults += [f"{key} is of no use" for key in unexpected if not _counts(key)]
    except RuntimeError as error:
        faults = [line.strip().rstrip(".") for line in str(error).splitlines()[1:]]  # behind torch's own heading
    if not any(_counts(key) for key in state):
        freeze_norms(network)
    return "; ".join(faults[:3]) + (f"; and {len(faults) - 3} more" if len(faults) > 3 else "")


def _counts(key: str) -> bool:
    """Whether an entry counts batches; batch norm layers that are frozen have none."""
    return key.endswith("num_batches_tracked")


def freeze_norms(module: nn.Module) -> None:
    """Replaces every batch norm layer below ``module`` by one that is frozen, with the same numbers."""
    for name, child in module.named_children():
        if not isinstance(child, nn.BatchNorm2d):
            freeze_norms(child)
            continue
        layer = FrozenBatchNorm2d(child.num_features, child.eps)
        layer.load_state_dict({key: value for key, value in child.state_dict().items() if not _counts(key)})
        setattr(module, name, layer)
