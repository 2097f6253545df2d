"""Files and folders that a config names and that are not there, looked for before torch is imported."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diode_pl.io.split_path import resolve_path

# Arguments that are paths wherever they are; those of the other keys are relative to another folder, or may be names.
_PATHS = {"cfg", "path", "root"}
_OF_RUNS = {"ckpt", "source"}  # beside all classes
_WEIGHTS = {".backup", ".onnx", ".pt", ".pth", ".safetensors", ".weights"}


def refuse_missing_paths(written: Any, resolved: Any, key: str = "") -> None:
    """Checks the paths of every node that is to be built.

    Args:
        written: the config as plain data with interpolations unresolved, or the node of it at ``key``. What stands for
            another key is left to that key.
        resolved: the same with interpolations resolved.
        key: dotted.

    Raises:
        ValueError: if there is nothing at one; the message starts with the key.

    Example:
        >>> node = {"train": {"_target_": "diode_pl.data.readers.Voc", "root": "nowhere", "split": None}}
        >>> refuse_missing_paths(node, node)
        Traceback (most recent call last):
        ValueError: train.root: ...nowhere does not exist
    """
    if isinstance(written, list):
        written, resolved = dict(enumerate(written)), dict(enumerate(resolved))
    if not isinstance(written, Mapping):
        return
    for name, value in written.items():
        place, is_text = f"{key}.{name}".lstrip("."), isinstance(value, str) and "${" not in value
        if is_text and value and _is_path(name, value, of_class="_target_" in written, of_run=not key):
            path = resolve_path(value, resolved.get("split") or "")
            if not path.exists():
                raise ValueError(f"{place}: {path.resolve()} does not exist")
        refuse_missing_paths(value, resolved[name], place)


def _is_path(name: Any, value: str, of_class: bool, of_run: bool) -> bool:
    is_weights = name == "weights" and Path(value).suffix in _WEIGHTS
    return of_class and name in _PATHS or of_run and name in _OF_RUNS or (of_class or of_run) and is_weights
