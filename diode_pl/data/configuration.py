"""Which settings a data set depends on."""

from collections.abc import Iterator, Mapping
from typing import Any

# What may differ between two runs that fill the same folder with the same images. These repeat
# others: `inversion`, `overrides`, `callbacks.verifier.detector`, `trainer.callbacks` and `trainer.logger`.
FREE = {"output_dir", "num_images", "inversion", "overrides", "logger", "callbacks.progress", "callbacks.loss_log"}
FREE |= {"callbacks.verifier.detector", "callbacks.image_log", "trainer.callbacks", "trainer.logger"}
FREE |= {"trainer.devices", "trainer.num_nodes", "trainer.start_method"}


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Keys on which two configurations differ, those left out that do not change the data set.

    Args:
        old: nested plain data.
        new: likewise.

    Returns:
        ``(dotted key, old value, new value)`` in the order of the keys; a missing value is None.
    """
    before, after = dict(_flatten(old)), dict(_flatten(new))
    return [(k, before.get(k), after.get(k)) for k in sorted(before | after) if before.get(k) != after.get(k)]


def _flatten(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if prefix in FREE:
        return
    if isinstance(node, Mapping | list) and node:
        items = node.items() if isinstance(node, Mapping) else enumerate(node)
        for key, value in items:
            yield from _flatten(value, f"{prefix}.{key}" if prefix else str(key))
    elif node not in ({}, []):
        yield prefix, node
