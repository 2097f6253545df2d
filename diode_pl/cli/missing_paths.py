"""Files and folders that a config names and that are not there, looked for before torch is imported."""

from pathlib import Path
from typing import Any

from diode_pl.cli.errors import find_node, typed_key
from diode_pl.cli.signatures import find_targets
from diode_pl.io.split_path import resolve_path

# Arguments that are paths wherever they are; those of the other keys are relative to another folder, or may be names.
_PATHS = {"cfg", "ckpt", "path", "root"}
_PICTURES = "task.source"  # elsewhere ``source`` is of labels
_WEIGHTS = {".backup", ".ckpt", ".onnx", ".safetensors", ".weights"}


def refuse_missing_paths(written: Any, resolved: Any) -> None:
    """Checks the paths of every node that a task builds.

    Args:
        written: the config as plain data with interpolations unresolved.
        resolved: the same with interpolations resolved.

    Raises:
        ValueError: if there is nothing at one; the message starts with the key as it is typed.

    Example:
        >>> node = {"task": {"_target_": "diode_pl.data.readers.Voc", "root": "/nowhere"}}
        >>> refuse_missing_paths(node, node)
        Traceback (most recent call last):
        ValueError: task.root: /nowhere does not exist
    """
    for key, node in find_targets(resolved["task"], "task"):
        for name, value in node.items():
            if not (isinstance(value, str) and value and _is_path(f"{key}.{name}", value)):
                continue
            typed, path = typed_key(f"{key}.{name}", written), resolve_path(value, node.get("split") or "")
            # What a record says, rather than a person, is named by whoever reads the record.
            if "${" not in str(find_node(typed, written)) and not path.exists():
                raise ValueError(f"{typed}: {path.resolve()} does not exist")


def _is_path(place: str, value: str) -> bool:
    name = place.rpartition(".")[2]
    return name in _PATHS or place == _PICTURES or (name == "weights" and Path(value).suffix in _WEIGHTS)
