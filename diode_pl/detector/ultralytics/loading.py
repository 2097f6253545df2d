"""Loading of a network of the package with its class names and weights."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from diode_pl.class_names import read_names, require_stored_names
from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.finite_weights import require_finite
from diode_pl.detector.partial_weights import FOR_OTHER_CLASSES, load_fitting
from diode_pl.detector.state_files import (
    fill_module,
    read_provenance,
    read_state,
    read_stored_architecture,
    read_stored_names,
    unknown_suffix,
)
from diode_pl.detector.ultralytics.checkpoint import read_checkpoint
from diode_pl.detector.ultralytics.description import read_description
from diode_pl.detector.ultralytics.network import UNUSED, build_network, open_head
from diode_pl.detector.ultralytics.package import load_package
from diode_pl.io.text_files import describe_no_file
from diode_pl.provenance import Provenance

KIND = "Ultralytics"  # in the architecture that a file of ours states
_SUFFIXES = (".pt", ".safetensors")
_PREFIX = "network."  # in the state dict of a detector, but not in the package's


class LoadedNetwork(NamedTuple):
    """A network of the package with its description."""

    network: Any  # the package does not type its parts
    description: dict[str, Any]
    class_names: list[str]
    provenance: Provenance | None


def load_network(
    weights: str | Path | None,
    model: str | Path | Mapping[str, Any] | None,
    names: str | Path | Sequence[str] | None,
    partial: bool,
) -> LoadedNetwork:
    """Builds a network and loads its weights; the arguments are those of :class:`Ultralytics`.

    Raises:
        ConfigError: if the package is missing, ``weights`` does not exist or is refused, a number in it is not finite,
            or network, weights and names do not match.
        ValueError: if ``weights`` states other names than ``names``, unless ``partial``.
    """
    package = load_package()
    path = None if weights is None else Path(weights)
    described, stored, state = (model, None, {}) if path is None else _read(path)
    described = described if model is None else model
    if described is None:
        raise ConfigError(
            "model: expected a network of ultralytics such as yolo11n.yaml, or a file of weights that states one, got "
            + ("neither" if path is None else f"the state dict {path}")
        )
    description = read_description(package, described)
    counted = stored or [str(label) for label in range(description["nc"])]
    listed = counted if names is None else read_names(names)
    if path is not None and not partial:
        require_stored_names(listed, stored, path)
    network = build_network(package, description, listed)
    open_head(network)
    if path is None:
        return LoadedNetwork(network, description, listed, None)
    if partial:
        load_fitting(network, state, path)
        require_finite(network.state_dict(), path)
    else:
        fill_module(network, state, path, FOR_OTHER_CLASSES)
    return LoadedNetwork(network, description, listed, read_provenance(path, partial=partial))


def _read(path: Path) -> tuple[Any, list[str] | None, dict[str, Tensor]]:
    """Description, class names and state dict of a network in a file; the first two are None if it does not say."""
    if path.suffix.lower() not in _SUFFIXES:
        raise unknown_suffix(path, _SUFFIXES)
    if path.suffix.lower() == ".pt":
        description, names, state = read_checkpoint(path)
        used = [key for key in state if not any(part in key for part in UNUSED)]
        return description, names, {key: state[key] for key in used}
    if not path.is_file():
        raise ConfigError(f"weights: {describe_no_file(path)}")
    state = {key.removeprefix(_PREFIX): value for key, value in read_state(path).items()}
    architecture = read_stored_architecture(path) or {"class": KIND}
    if architecture["class"] != KIND:
        raise ConfigError(f"weights: {path} states the architecture of {architecture['class']}; detector=file takes it")
    return architecture.get("network"), read_stored_names(path), state
