"""Loading of torchvision networks, and their output of each class."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn
from torchvision.models import WeightsEnum, get_model_weights
from torchvision.models.detection import FasterRCNN_ResNet50_FPN_Weights

from diode_pl.class_names import UNUSED, match_classes, read_names, require_stored_names
from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.finite_weights import require_finite, require_same_kinds
from diode_pl.detector.partial_weights import FOR_OTHER_CLASSES, load_fitting
from diode_pl.detector.state_files import STATE_SUFFIXES, read_provenance, read_state, read_stored_names
from diode_pl.detector.torchvision.frozen_norms import freeze_norms, has_batch_counter, restore_frozen_norms
from diode_pl.detector.torchvision.pretrained import find_pretrained_file
from diode_pl.provenance import Provenance

# Torchvision's networks for COCO have 91 outputs: background, 80 classes and unused ones.
_COCO = tuple(FasterRCNN_ResNet50_FPN_Weights.COCO_V1.meta["categories"])
COCO_CLASSES = tuple(name for name in read_names(_COCO) if name != UNUSED)
_PREFIX = "network."  # in the state dict of a detector, but not in torchvision's


class LoadedNetwork(NamedTuple):
    """A torchvision network with the output of each class (``columns``)."""

    network: nn.Module
    class_names: list[str]
    columns: list[int]
    provenance: Provenance | None


def load_network(
    build: Callable[..., nn.Module],
    weights: str | Path | None,
    names: str | Path | Sequence[str] | None,
    first: int,
    fitting: bool = False,
) -> LoadedNetwork:
    """Builds a network and loads its weights.

    Args:
        build: called with ``num_classes``.
        weights: name in torchvision's enumeration for the network (``COCO_V1``), path of a state dict of the network or
            the detector, or None for random ones from the global generator.
        names: path of a file with one class name per line, or the names; None: COCO's, in torchvision's spelling. In
            a list of all outputs, ``__background__`` and ``N/A`` are not classes.
        first: output of the first class: 1 if output 0 is the background, else 0.
        fitting: loads only what fits by name and shape, and draws the rest.

    Raises:
        ConfigError: if ``weights`` does not exist, a number in it is not finite or of another kind, or network, weights
            and names do not match.
        DownloadError: if the weights cannot be downloaded, or the existing file is not torchvision's.
    """
    listed = list(COCO_CLASSES) if names is None else read_names(names)
    classes = [name for name in listed if name != UNUSED]
    outputs = first + len(classes)
    if weights is None:
        return LoadedNetwork(build(num_classes=outputs), classes, _columns(classes, outputs, first), None)
    path, counts = Path(weights), [first + len(listed), 1 + len(listed), len(_COCO)]
    if not path.is_file():
        published = _published(build, str(weights))
        unknown = [name for name, column in zip(classes, match_classes(classes, _COCO), strict=True) if column < 0]
        if unknown and not fitting:
            raise ConfigError(
                f"names: {weights} knows COCO's classes, but not {unknown}; None takes COCO's, and {FOR_OTHER_CLASSES}"
            )
        # As in torchvision: these weights replace those of the backbone.
        path, counts, build = find_pretrained_file(published), [len(_COCO)], partial(build, weights_backbone=None)
        listed = classes  # by name: the order may be another one
    state = {key.removeprefix(_PREFIX): value for key, value in read_state(path).items()}
    if fitting:
        network = build(num_classes=outputs)
        load_fitting(network, state, path)
        _freeze_norms_of(network, state)
        return _loaded(network, classes, _columns(classes, outputs, first), path, partially=True)
    # Networks trained on custom classes often keep an output for the background, one-stage ones too.
    for outputs in dict.fromkeys(counts):
        columns = _columns(listed, outputs, first)
        if columns and not _fill(network := build(num_classes=outputs), state):
            require_same_kinds(network.state_dict(), state, path)
            require_stored_names(classes, read_stored_names(path), path)
            return _loaded(network, classes, columns, path)
    raise ConfigError(
        f"{path}: found another network's weights, or those of another number of classes than the "
        f"{len(classes)} of names; {_fill(build(num_classes=counts[0]), state)}; {FOR_OTHER_CLASSES}"
    )


def _loaded(
    network: nn.Module, classes: list[str], columns: list[int], path: Path, partially: bool = False
) -> LoadedNetwork:
    require_finite(network.state_dict(), path)
    restore_frozen_norms(network, path)
    return LoadedNetwork(network, classes, columns, read_provenance(path, partial=partially))


def _columns(names: Sequence[str], outputs: int, first: int) -> list[int]:
    """Output of each class; empty if the numbers of outputs and names do not match."""
    if outputs in (first + len(names), 1 + len(names)):
        return [outputs - len(names) + i for i, name in enumerate(names) if name != UNUSED]
    columns = match_classes([name for name in names if name != UNUSED], _COCO)
    return columns if outputs == len(_COCO) and -1 not in columns else []


def _published(build: Callable[..., nn.Module], name: str) -> WeightsEnum:
    """Member of this name of torchvision's enumeration for a network."""
    builder = build.func if isinstance(build, partial) else build
    try:
        known: dict[str, Any] = dict(get_model_weights(builder).__members__)
    except ValueError:  # torchvision has no weights for this network
        known = {}
    if name in known:
        return known[name]
    raise ConfigError(
        f"weights: {name} does not exist; expected the path of a state dict ({', '.join(STATE_SUFFIXES)}; a "
        "training writes student.safetensors), None for a student's random weights"
        + (f", or one of torchvision's: {', '.join(known)}" if known else "")
    )


def _fill(network: nn.Module, state: dict[str, Tensor]) -> str:
    """Loads a state dict; returns what does not match, after which the network is unusable."""
    try:
        # Torchvision's modules rename parameters of older versions.
        missing, unexpected = network.load_state_dict(state, strict=False)
        faults = [f"{key} is missing" for key in missing if not has_batch_counter(key)]
        faults += [f"{key} is of no use" for key in unexpected if not has_batch_counter(key)]
    except RuntimeError as error:
        faults = [line.strip().rstrip(".") for line in str(error).splitlines()[1:]]  # without torch's heading
    _freeze_norms_of(network, state)
    return "; ".join(faults[:3]) + (f"; and {len(faults) - 3} more" if len(faults) > 3 else "")


def _freeze_norms_of(network: nn.Module, state: dict[str, Tensor]) -> None:
    """Freezes the batch norm of a network whose weights were trained with it frozen."""
    if not any(has_batch_counter(key) for key in state):
        freeze_norms(network)
