"""Which key of the command line an error is about.

The library names its own arguments: ``weights: no such file``, ``resolution must be >= 32, got 31``, where it helps
with the class in front: ``FKD: alpha must be finite``; an error about several arguments names them all, as in
``student, losses: ...``. The config knows which keys set those arguments.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_ARGUMENT = r"[a-z_]\w*(?:\.\w+|\[\w+\])*"
_NAMED = re.compile(rf"(?:([A-Z]\w*): )?({_ARGUMENT}(?:(?:, | and ){_ARGUMENT})*)(?=:|=| must )")
_INTERPOLATION = re.compile(r"\$\{([\w.]+)\}")
# What the task is called with, beside what the config names.
_PASSED = {"folder": "output_dir"}
_FULL_KEY = re.compile(r"^full_key: (\S+)$", re.MULTILINE)


def describe_error(error: Exception, config: Any, choices: Mapping[str, str]) -> str:
    """Says what went wrong in terms of what was typed.

    Args:
        error: of the library, or Hydra's around it.
        config: as plain data with interpolations unresolved.
        choices: the option chosen of each group, such as ``{"detector@teacher": "yolov3"}``.

    Returns:
        The message with keys in place of arguments, then a line for each group that one of them belongs to.
    """
    at = _FULL_KEY.search(str(error))  # where Hydra was when the library raised
    text = str(error.__cause__ or error) if at else str(error)
    owner = at and typed_key(at[1], config)
    named = _NAMED.match(text)
    words = re.split("(, | and )", named[2]) if named else []
    keys = [_key_of(argument, owner, named and named[1], config) for argument in words[::2]]
    if named and all(keys):
        words[::2] = map(str, keys)
        text = "".join(words) + text[named.end() :]
    elif owner:
        keys, text = [owner], f"{owner}: {text}"
    return "\n  ".join([text, *filter(None, (_way_out(key, config, choices) for key in dict.fromkeys(keys)))])


def typed_key(key: str, config: Any) -> str:
    """The key that sets what a dotted key holds: ``distillation.teacher`` is ``${teacher}``, thus ``teacher``."""
    parts = re.findall(r"\w+", key)
    for i in range(1, len(parts) + 1):
        reference = _INTERPOLATION.fullmatch(str(_node(".".join(parts[:i]), config)))
        if reference:
            return typed_key(".".join([reference[1], *parts[i:]]), config)
    return ".".join(parts)


def _node(key: str, config: Any) -> Any:
    for part in key.split("."):
        if isinstance(config, list) and part.isdigit() and int(part) < len(config):
            config = config[int(part)]
        else:
            config = config.get(part) if isinstance(config, Mapping) else None
    return config


def _is_there(key: str, config: Any) -> bool:
    parent, _, last = key.rpartition(".")
    node = _node(parent, config) if parent else config
    return last in node if isinstance(node, Mapping) else isinstance(node, list) and int(last) < len(node)


def _key_of(argument: str, owner: str | None, class_name: str | None, config: Any) -> str | None:
    """The key of an argument; None where there is none, or more than one to choose from.

    Args:
        argument: as the library names it, perhaps with a part of it: ``stages[0].resolution``.
        owner: key of the object that is being constructed, if one is.
        class_name: the class whose argument it is, if the message names it.
        config: unresolved.
    """
    first, rest = re.fullmatch(r"(\w+)(.*)", argument).groups()  # type: ignore[union-attr]
    nodes = [(key, node) for key, node in _mappings(config) if first in node]
    of_owner = [(key, node) for key, node in nodes if key == owner]
    if class_name is not None:
        nodes = [(key, node) for key, node in nodes if str(node.get("_target_")).split(".")[-1] == class_name]
    # An object that holds others may raise what is wrong with one of those.
    nodes = of_owner or nodes
    found = {typed_key(f"{key}.{first}".lstrip("."), config) for key, _ in nodes}
    if owner is None and argument in _PASSED:
        return _PASSED[argument]
    key = typed_key(found.pop() + rest, config) if len(found) == 1 else None
    return key if key and _is_there(key, config) else None


def _mappings(node: Any, key: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every mapping inside a config, with its dotted key."""
    if isinstance(node, Mapping):
        yield key, node
        for name, value in node.items():
            yield from _mappings(value, f"{key}.{name}".lstrip("."))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from _mappings(value, f"{key}.{i}")


def _way_out(key: str | None, config: Any, choices: Mapping[str, str]) -> str | None:
    """How to choose another option of the group that a key holds, or to leave out one of a named set."""
    for group, option in choices.items():
        package = group.rpartition("@")[2].replace("/", ".")
        if key == package:
            return f"{group}=NAME chooses {key}, now {option}"
        node = _node(package, config)
        if (
            key
            and key.rpartition(".")[0] == package
            and "_target_" not in node
            and isinstance(_node(key, config), dict)
        ):
            return f"{key}=null leaves it out"
    return None
