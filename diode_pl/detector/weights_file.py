"""Rebuilding a detector from its weights file alone."""

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from diode_pl.class_names import read_names, require_stored_names
from diode_pl.detector.base import Detector
from diode_pl.detector.darknet.cfg import ConfigError, Section
from diode_pl.detector.darknet.detector import Darknet
from diode_pl.detector.huggingface.detector import HuggingFace
from diode_pl.detector.torchvision.builders import find_builder
from diode_pl.detector.torchvision.faster_rcnn import FasterRCNN
from diode_pl.detector.torchvision.fcos import FCOS
from diode_pl.detector.torchvision.retinanet import RetinaNet
from diode_pl.detector.torchvision.ssd import SSD
from diode_pl.detector.ultralytics.detector import Ultralytics
from diode_pl.io.safetensors import to_safetensors
from diode_pl.io.tensor_files import load_tensors
from diode_pl.io.text_files import describe_no_file
from diode_pl.io.weights_metadata import parse_resolution, read_safetensors_metadata

_TORCHVISION = {each.__name__: each for each in (FCOS, SSD, FasterRCNN, RetinaNet)}


def load_weights_file(
    weights: str | Path | None, names: str | Path | Sequence[str] | None = None, partial: bool = False
) -> Detector:
    """Rebuilds a detector from the architecture, the class names and the weights in a file of ours.

    Nothing in the file is run: it names layers and networks that this package knows.

    Args:
        weights: a .safetensors file of :func:`~diode_pl.report.save_weights`, such as a training's
            ``student.safetensors``, or a training's .ckpt; None, what a student begins from by default, is refused.
        names: path of a file with one class name per line, or the names; None takes those in the file.
        partial: builds the network in the file for any ``names``, takes of the weights what fits by name and shape, and
            draws the rest.

    Raises:
        ConfigError: if the file does not exist, is damaged, has a number that is not finite, holds no architecture that
            this package knows, or other names than ``names`` unless ``partial``.

    Example:
        >>> import tempfile
        >>> from diode_pl.detector.loading import load_detector
        >>> from diode_pl.report import save_weights
        >>> path = Path(tempfile.mkdtemp(), "student.safetensors")
        >>> save_weights(load_detector(width=0.1), path)
        >>> load_weights_file(path).class_names[:2]
        ('mug', 'key')
    """
    if weights is None:
        raise ConfigError("weights: expected the path of a weights file, got null")
    path = Path(weights)
    if path.suffix.lower() == ".ckpt":
        metadata, state = _read_checkpoint(path)
        with TemporaryDirectory() as folder:
            extracted = Path(folder, "student.safetensors")
            extracted.write_bytes(to_safetensors(state, metadata))
            try:
                return load_weights_file(extracted, names, partial)
            except ValueError as error:
                raise ConfigError(str(error).replace(str(extracted), str(path))) from error
    metadata = read_metadata(path)
    if "architecture" not in metadata:
        raise ConfigError(
            f"weights: {path} holds no architecture, as it is no .safetensors or .ckpt file, or was written by other "
            "software, by an earlier version or for a detector of one's own; name the detector that it belongs to: "
            "detector=NAME, detector@teacher=NAME and so on instead of file"
        )
    try:
        described, listed = json.loads(metadata["architecture"]), json.loads(metadata["class_names"])
        if not (isinstance(listed, list) and all(isinstance(name, str) for name in listed)):
            raise ValueError(f"class_names must be a list of texts, got {listed!r}")  # a text would be opened as a file
        given = listed if names is None else _read_names(names, None if partial else listed, path)
        detector = build_described(described, path, given, partial)
    except ConfigError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"weights: {path} holds an architecture that cannot be built here, perhaps of a later version: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not partial and metadata.get("fingerprint", expected := detector.fingerprint()) != expected:
        raise ConfigError(f"weights: {path} does not rebuild the detector that it was made from; is it damaged?")
    return detector


def read_metadata(path: str | Path) -> dict[str, str]:
    """The metadata of a .safetensors file or a training's .ckpt; empty for files of other formats.

    Raises:
        ConfigError: if the file does not exist or is damaged.
    """
    if not Path(path).is_file():
        raise ConfigError(f"weights: {describe_no_file(path)}")
    if Path(path).suffix.lower() == ".ckpt":
        return _read_checkpoint(Path(path))[0]
    try:
        return read_safetensors_metadata(path)
    except SafetensorError as error:
        raise ConfigError(f"weights: {path} is damaged or no safetensors file ({error})") from error


def stored_resolution(path: str | Path) -> int | None:
    """Height and width in pixels that the weights in a file were trained for; None if the file does not say."""
    return parse_resolution(read_metadata(path))


def _read_checkpoint(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and state dict of the student of a training."""
    try:
        content = load_tensors(path)
        if "architecture" not in (metadata := content["student"]):
            raise KeyError("architecture")
        state = {
            key.removeprefix("student."): value for key, value in content["state_dict"].items() if key[:8] == "student."
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"weights: {path} is not a checkpoint that holds the architecture of a student "
            f"({str(error).removeprefix(f'{path}: ')}); take the "
            "student.safetensors that its run wrote beside it"
        ) from error
    return metadata, {key: value.clone(memory_format=torch.contiguous_format) for key, value in state.items()}


def _read_names(names: str | Path | Sequence[str], stored: Sequence[str] | None, path: Path) -> list[str]:
    try:
        require_stored_names(given := read_names(names), stored, path)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return given


def build_described(
    described: dict[str, Any], weights: str | Path | None, names: Sequence[str], partial: bool = False
) -> Detector:
    """Builds the detector that the ``architecture`` of :meth:`Detector.weights_metadata` describes.

    Args:
        described: the JSON object.
        weights: of the detector; None draws random ones.
        names: class names.
        partial: takes of ``weights`` what fits by name and shape, and draws the rest.

    Raises:
        KeyError, TypeError, ValueError: if something in it is missing, of another type or not known.
    """
    described = dict(described)
    kind = described.pop("class")
    if kind == "Darknet":
        written = described.pop("sections")
        sections = [Section(each, {key: str(value) for key, value in options.items()}) for each, options in written]
        return Darknet(sections, weights, names, partial=partial, **described)
    if kind == "Ultralytics":
        return Ultralytics(weights, described.pop("network"), names, partial, **described)
    if kind == "HuggingFace":
        return HuggingFace(weights, described.pop("network"), names, partial, **described)
    if kind not in _TORCHVISION:
        known = ", ".join(["Darknet", *_TORCHVISION, "Ultralytics", "HuggingFace"])
        raise ValueError(f"the class must be one of {known}, got {kind!r}")
    return _TORCHVISION[kind](find_builder(described.pop("network")), weights, names, partial=partial, **described)
