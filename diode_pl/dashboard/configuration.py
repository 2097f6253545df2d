"""A run's configuration for people: every value once."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any


def drop_repeats(config: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves out what repeats a whole group: a composed configuration holds the same object where each part needs it.

    Args:
        config: nested plain data. A mapping below the top that equals one at the top is a repeat.

    Example:
        >>> teacher = {"name": "yolo"}
        >>> drop_repeats({"teacher": teacher, "task": {"teacher": teacher, "count": 2}})
        {'teacher': {'name': 'yolo'}, 'task': {'count': 2}}
    """
    groups = [value for value in config.values() if isinstance(value, Mapping) and value]

    def keep(node: Any) -> Any:
        if not isinstance(node, Mapping):
            return node
        return _without_emptied({key: value for key, value in node.items() if value not in groups}, keep)

    return _without_emptied(config, keep)


def _without_emptied(node: Mapping[str, Any], keep: Callable[[Any], Any]) -> dict[str, Any]:
    return {key: kept for key, value in node.items() if (kept := keep(value)) != {} or value == {}}


def flatten(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str | float | bool]]:
    """Yields dotted keys with what a table can hold: numbers, texts and truth values; lists as JSON, None as ``null``.

    Example:
        >>> list(flatten({"a": {"b": 1, "c": [1, 2]}, "d": None}))
        [('a.b', 1), ('a.c', '[1, 2]'), ('d', 'null')]
    """
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{name}.")
        elif isinstance(value, str | int | float):
            yield name, value
        else:
            yield name, json.dumps(value, default=str)
