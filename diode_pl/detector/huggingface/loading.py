"""Loading of a network of the package with its class names and weights."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from diode_pl.class_names import read_names, require_stored_names
from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.finite_weights import require_finite
from diode_pl.detector.huggingface.architectures import list_architectures
from diode_pl.detector.huggingface.description import list_classes, read_description, with_classes
from diode_pl.detector.huggingface.network import build_network, make_config, prepare_network, set_norms
from diode_pl.detector.huggingface.package import Package, load_package, silence
from diode_pl.detector.partial_weights import FOR_OTHER_CLASSES, load_fitting
from diode_pl.detector.state_files import (
    fill_module,
    read_provenance,
    read_state,
    read_stored_architecture,
    read_stored_names,
)
from diode_pl.provenance import Provenance

log = logging.getLogger(__name__)

KIND = "HuggingFace"  # in the architecture that a file of ours states
Normalization = tuple[list[float], list[float]]
_IMAGENET: Normalization = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
_NONE: Normalization = ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0])
_PREFIX = "network."  # in the state dict of a detector, but not in the package's
_OTHERS = ("pytorch_model.bin", "pytorch_model.bin.index.json")


class LoadedNetwork(NamedTuple):
    """A network of the package with its description.

    Args:
        columns: output of each class.
        normalization: mean and standard deviation of pixels in [0, 1].
        frozen_norms: whether the batch norm of the backbone never learns.
        provenance: None for random weights.
    """

    network: Any  # the package does not type its parts
    description: dict[str, Any]
    class_names: list[str]
    columns: list[int]
    normalization: Normalization
    frozen_norms: bool
    provenance: Provenance | None


def load_network(
    weights: str | Path | None,
    model: str | Path | Mapping[str, Any] | None,
    names: str | Path | Sequence[str] | None,
    partial: bool,
    frozen_norms: bool | None,
) -> LoadedNetwork:
    """Builds a network and loads its weights; the arguments are those of :class:`HuggingFace`.

    Raises:
        ConfigError: if the package is missing, a folder or file does not exist or is refused, a number in it is not
            finite, or network, weights and names do not match.
        ValueError: if the weights state other names than ``names``, unless ``partial``.
    """
    package = load_package()
    file, folder = _find(package, weights, model)
    if weights is not None and file is None and folder is None:
        raise ConfigError(
            f"weights: {Path(weights).resolve()} does not exist; expected a folder or a .safetensors file"
        )
    described = folder if model is None or (weights is None and folder is not None) else model
    stated = _read_architecture(file) if file is not None and described is None else {}
    described = described or stated.get("network")
    if described is None:
        raise ConfigError("model: expected a folder of transformers or a network such as rtdetr_r18, got neither")
    description = read_description(described)
    stored = read_stored_names(file) if file is not None else list_classes(description).names if folder else None
    listed = (stored or list_classes(description).names) if names is None else read_names(names)
    if not partial:
        require_stored_names(listed, stored, file or folder or "")
    of_names, given = with_classes(description, listed), file or folder
    frozen_norms = stated.get("frozen_norms") if frozen_norms is None else frozen_norms
    if given is None:
        frozen_norms = False  # statistics of 0 and 1 normalize nothing
    if folder is not None and not partial:
        network = _open(package, folder, of_names)
    else:
        network = build_network(package, of_names)
    frozen = set_norms(network, frozen_norms)
    if file is not None:
        state = {key.removeprefix(_PREFIX): value for key, value in read_state(file).items()}
        if not partial:
            fill_module(network, state, file, FOR_OTHER_CLASSES)
    elif folder is not None and partial:
        state = _open(package, folder, description).state_dict()
    if given is not None:
        if partial:
            load_fitting(network, state, given)
        require_finite(network.state_dict(), given)
    return LoadedNetwork(
        network,
        of_names,
        listed,
        list_classes(of_names).columns,
        stated.get("normalization") or _read_normalization(folder, description["model_type"]),
        frozen,
        None if given is None else read_provenance(given, partial),
    )


def brings_names(weights: str | Path | None, model: str | Path | Mapping[str, Any] | None) -> bool:
    """Whether these arguments of :class:`HuggingFace` name weights, which have class names of their own."""
    if weights is not None or not isinstance(model, str | Path):
        return weights is not None
    return str(model) not in list_architectures() and Path(model).suffix != ".json"


def _find(
    package: Package, weights: str | Path | None, model: str | Path | Mapping[str, Any] | None
) -> tuple[Path | None, Path | None]:
    """File of ours, or folder of the package, that holds the weights; both are None for random ones."""
    given = model if weights is None else weights
    if not isinstance(given, str | Path) or str(given) in list_architectures():
        return None, None
    path = Path(given)
    if path.is_dir():
        return None, path
    if path.suffix == ".safetensors" and path.is_file():
        return path, None
    return None, None if path.suffix else package.find_folder(str(given))


def _read_architecture(file: Path) -> dict[str, Any]:
    """Arguments in the architecture that a file of ours states."""
    stated = read_stored_architecture(file)
    if stated is None or stated["class"] != KIND:
        other = f"the architecture of {stated['class']}; detector=file takes it" if stated else "no network"
        raise ConfigError(f"weights: {file} states {other}; expected that of {KIND}, or model=NAME beside it")
    return stated


def _open(package: Package, folder: Path, description: Mapping[str, Any]) -> Any:
    """Network with the weights of a folder."""
    held = {path.name for path in folder.iterdir()}
    if not held & {"model.safetensors", "model.safetensors.index.json"}:
        found = next((name for name in _OTHERS if name in held), None)
        told = f"{found}, a pickle, which can run code when it is opened" if found else "neither weights nor shards"
        raise ConfigError(
            f"model: {folder} has {told}; expected model.safetensors, as a newer revision of the model may have, or "
            "save_pretrained() of the package writes it"
        )
    config = make_config(package, description)
    try:
        with silence():
            network, report = package.from_folder(
                folder,
                config=config,
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
            )
    except Exception as error:  # of files, parsers and layers
        raise ConfigError(f"model: {folder} cannot be opened: {' '.join(str(error).split())[:300]}") from error
    lost = sorted({*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])})
    if lost:
        raise ConfigError(
            f"model: {folder}: {len(lost)} tensors of the network that config.json describes are missing or of another "
            f"shape, the first is {lost[0]}; expected the weights of an object detector"
        )
    return prepare_network(network)


def _read_normalization(folder: Path | None, family: str) -> Normalization:
    """What a folder says of pixels; else what its family is trained with."""
    path = None if folder is None else folder / "preprocessor_config.json"
    if path is None or not path.is_file():
        return _IMAGENET if family in ("detr", "yolos") else _NONE
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))
        scale = 255 * stated.get("rescale_factor", 1 / 255) if stated.get("do_rescale", True) else 255.0
        usual = _IMAGENET if stated.get("do_normalize", True) else _NONE
        pair = [stated.get(key) or usual[i] for i, key in enumerate(("image_mean", "image_std"))]
        mean, std = pair if stated.get("do_normalize", True) else _NONE
        return [float(m) / scale for m in mean], [float(s) / scale for s in std]
    except (OSError, ValueError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise ConfigError(f"model: {path} says nothing of pixels that is known ({error})") from error
