"""A torchvision network with its weights, and which of its outputs stands for which class."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torchvision.models import WeightsEnum, get_model_weights
from torchvision.models.detection import FasterRCNN_ResNet50_FPN_Weights

from diode_pl.class_names import match_classes, read_names
from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.darknet.weights import STATE_SUFFIXES, read_provenance, read_state
from diode_pl.detector.torchvision.frozen_norms import freeze_norms, has_batch_counter, restore_frozen_norms
from diode_pl.detector.torchvision.pretrained import pretrained_file
from diode_pl.provenance import Provenance

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
        provenance: see :class:`~diode_pl.detector.Detector`.
    """

    network: nn.Module
    class_names: list[str]
    columns: list[int]
    provenance: Provenance | None


def load_network(
    build: Callable[..., nn.Module], weights: str | Path | None, names: str | Path | Sequence[str] | None, first: int
) -> Loaded:
    """Builds a network and fills it.

    Args:
        build: called with ``num_classes``.
        weights: name of a member of torchvision's enumeration for it (``COCO_V1``); or path of a state dict, of
            torchvision's network or of the whole detector; or None for random ones from the global generator.
        names: path of a file with one class name a line, or the names; None: COCO's, in torchvision's spelling.
        first: the output of the first class: 1 where output 0 is the background's, else 0.

    Raises:
        ConfigError: ``weights`` is neither, or they, the network and the names do not fit each other.
        DownloadError: they could not be downloaded, or the file on this machine is not torchvision's.
    """
    listed = list(COCO_CLASSES) if names is None else read_names(names)
    if weights is None:
        outputs = first + len(listed)
        return Loaded(build(num_classes=outputs), listed, _columns(listed, outputs, first), None)
    path, counts = Path(weights), [first + len(listed), 1 + len(listed), len(_COCO)]
    if not path.is_file():
        published = _published(build, str(weights))
        if unknown := [name for name, column in zip(listed, match_classes(listed, _COCO), strict=True) if column < 0]:
            raise ConfigError(
                f"names: {weights} knows COCO's classes, and these are others: {unknown}; null takes COCO's"
            )
        # As torchvision does: the backbone's own weights are of no use beside these.
        path, counts, build = pretrained_file(published), [len(_COCO)], partial(build, weights_backbone=None)
    state = {key.removeprefix(_PREFIX): value for key, value in read_state(path).items()}
    # Who trains torchvision's one-stage networks on classes of their own mostly keeps an output for a background.
    for outputs in dict.fromkeys(counts):
        columns = _columns(listed, outputs, first)
        tried = build(num_classes=outputs) if columns else None
        if tried is not None and not _fill(tried, state):
            restore_frozen_norms(tried, path)
            return Loaded(tried, listed, columns, read_provenance(path))
    raise ConfigError(
        f"{path}: found another network's weights, or those of another number of classes than the "
        f"{len(listed)} of names; {_fill(build(num_classes=counts[0]), state)}"
    )


def _columns(names: Sequence[str], outputs: int, first: int) -> list[int]:
    """The output of each class; None if the numbers of outputs and names do not fit."""
    if outputs in (first + len(names), 1 + len(names)):
        return list(range(outputs - len(names), outputs))
    columns = match_classes(names, _COCO)
    return columns if outputs == len(_COCO) and min(columns) >= 0 else []


def _published(build: Callable[..., nn.Module], name: str) -> WeightsEnum:
    """The member of torchvision's enumeration for a network that has this name."""
    builder = build.func if isinstance(build, partial) else build
    try:
        known: dict[str, Any] = dict(get_model_weights(builder).__members__)
    except ValueError:  # no network that torchvision has weights for
        known = {}
    suffixes = ", ".join(sorted(STATE_SUFFIXES))
    if name not in known:
        raise ConfigError(
            f"weights: {name} does not exist; expected the path of a state dict ({suffixes}; a training leaves "
            "student.safetensors), null for a student's random weights"
            + (f", or one of torchvision's: {', '.join(known)}" if known else "")
        )
    return known[name]


def _fill(network: nn.Module, state: dict[str, Tensor]) -> str:
    """Loads a state dict; returns what does not fit, if anything: then the network is of no more use."""
    try:
        # Torchvision's modules translate the names of their older versions while they load.
        missing, unexpected = network.load_state_dict(state, strict=False)
        faults = [f"{key} is missing" for key in missing if not has_batch_counter(key)]
        faults += [f"{key} is of no use" for key in unexpected if not has_batch_counter(key)]
    except RuntimeError as error:
        faults = [line.strip().rstrip(".") for line in str(error).splitlines()[1:]]  # behind torch's own heading
    if not any(has_batch_counter(key) for key in state):
        freeze_norms(network)
    return "; ".join(faults[:3]) + (f"; and {len(faults) - 3} more" if len(faults) > 3 else "")
