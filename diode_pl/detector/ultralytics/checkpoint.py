"""Restricted reading of the package's .pt files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from diode_pl.detector.darknet.cfg import ConfigError

# What the package leaves in a file besides tensors; each is read as a record, and never run.
_LAYERS = ("ultralytics.", "torch.nn.modules.")
_DATA = {
    "__builtin__.getattr",  # methods that fused layers replace
    "builtins.getattr",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.dtype",
    "pathlib.PosixPath",
    "pathlib.WindowsPath",
    "torch.torch_version.TorchVersion",
    "types.SimpleNamespace",
}
_EPS = 1e-3  # of every batch norm layer that the package builds


class Checkpoint(NamedTuple):
    """What a file says of its network: description, class names in the order of labels, state dict."""

    description: dict[str, Any]
    class_names: list[str]
    state: dict[str, Tensor]


class Record:
    """Stands for an object of a class in a file: keeps its attributes and does nothing."""

    content: dict[str, Any] = {}

    def __init__(self, *_: Any) -> None:
        """Takes what the class would."""

    def __setstate__(self, state: Any) -> None:
        self.content = state if isinstance(state, dict) else {}


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Reads a file of the package, such as ``best.pt``; its code is not run, and none of its classes is instantiated.

    Pickled files can call any function when they are opened. This one is opened by torch's restricted reader, which
    knows tensors and plain data; instances of classes of the package, of torch's layers and of a few others that hold
    data become a :class:`Record` instead.

    Args:
        path: of the file.

    Raises:
        ConfigError: if the file does not exist, is damaged, holds anything else, or no detection network, or a fused
            one.
    """
    content = _read(Path(path))
    # Of the two, a training's average is the one that was measured.
    found = (content.get("ema") or content.get("model")) if isinstance(content, dict) else None
    if not isinstance(found, Record):
        raise ConfigError(f"weights: {path} holds no network of ultralytics; expected a file such as best.pt")
    try:
        description, names = found.content["yaml"], found.content["names"]
        listed = [str(names[i]) for i in range(len(names))]
        layers = list(_walk(found))
        state = {name: value for prefix, layer in layers for name, value in _tensors(prefix, layer)}
        norms = [layer["eps"] for _, layer in layers if "running_mean" in layer["_buffers"]]
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"weights: {path} holds no detection network as ultralytics writes it ({type(error).__name__}: {error})"
        ) from error
    if not norms:
        raise ConfigError(f"weights: {path} has no batch norm layers, so it was fused; expected best.pt of a training")
    if others := [eps for eps in norms if eps != _EPS]:
        raise ConfigError(
            f"weights: {path} has batch norm layers with the epsilon {others[0]}; expected {_EPS}, that of ultralytics"
        )
    return Checkpoint(description, listed, state)


def _read(path: Path) -> Any:
    if not path.is_file():
        raise ConfigError(
            f'weights: {path.resolve()} does not exist, and nothing is downloaded here. python -c "from ultralytics '
            f"import YOLO; YOLO('{path.name}')\" fetches published weights into the working directory"
        )
    try:
        classes = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        if refused := sorted(name for name in classes if not name.startswith(_LAYERS) and name not in _DATA):
            raise ConfigError(
                f"weights: {path} is refused: it mentions {refused[0]}, which is not one of ultralytics' and torch's "
                "layers and would be run when the file is opened"
            )
        with torch.serialization.safe_globals([(Record, name) for name in classes]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except ConfigError:
        raise
    except Exception as error:  # bytes that are not such a file make the reader raise whatever they spell
        reason = str(error).strip().partition("\n")[0]
        raise ConfigError(f"weights: {path} is damaged or no .pt file of ultralytics ({reason})") from error


def _walk(record: Record, prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Attributes of a layer and of all layers inside, with the prefix of the names of their tensors."""
    yield prefix, record.content
    for name, child in record.content["_modules"].items():
        if child is not None:
            yield from _walk(child, f"{prefix}{name}.")


def _tensors(prefix: str, layer: dict[str, Any]) -> Iterator[tuple[str, Tensor]]:
    left_out = layer.get("_non_persistent_buffers_set", ())
    for name, value in {**layer["_parameters"], **layer["_buffers"]}.items():
        if isinstance(value, Tensor) and name not in left_out:
            yield prefix + name, value.detach()
