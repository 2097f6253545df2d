"""Error messages in terms of the command line.

The library names its own arguments, sometimes after the class: ``resolution must be >= 32, got 31``, ``FKD: alpha must
be finite``, ``student, losses: ...``. The config contains the keys that set those arguments.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_ARGUMENT = r"[a-z_]\w*(?:\.\w+|\[\w+\])*"
_NAMED = re.compile(rf"(?:([A-Z]\w*): )?({_ARGUMENT}(?:(?:, | and ){_ARGUMENT})*)(?=:|=| must )")
_INTERPOLATION = re.compile(r"\$\{([\w.]+)\}")
# Arguments of the task that are not in the config.
_PASSED = {"folder": "output_dir"}
_IN_YAML = {"None": "null", "True": "true", "False": "false"}
_FULL_KEY = re.compile(r"^full_key: (\S+)$", re.MULTILINE)


def describe_error(error: Exception, config: Any, choices: Mapping[str, str]) -> str:
    """Returns the message with keys in place of arguments, then a line per group that one of them belongs to.

    Python's ``None``, ``True`` and ``False`` become ``null``, ``true`` and ``false``, as they are typed; ``val=None``,
    where a group sets ``val``, becomes ``data@val=none``.

    Args:
        error: of the library, or Hydra's around it.
        config: as plain data with interpolations unresolved.
        choices: the option chosen of each group, such as ``{"detector@teacher": "yolov3"}``.
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
    for group in choices:
        text = re.sub(rf"\b{re.escape(_package_of(group))}=None\b", f"{group}=none", text)
    text = re.sub(r"\b(None|True|False)\b", lambda word: _IN_YAML[word[0]], text)
    return "\n  ".join([text, *filter(None, (_way_out(key, config, choices) for key in dict.fromkeys(keys)))])


def typed_key(key: str, config: Any) -> str:
    """Follows interpolations: ``distillation.teacher`` is ``${teacher}``, thus ``teacher``."""
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
    """Returns the key of an argument, or None if there is none or more than one.

    Args:
        argument: as the library names it, perhaps a part of it: ``stages[0].resolution``.
        owner: key of the object under construction, if any.
        class_name: class of the argument, if the message names it.
        config: unresolved.
    """
    first, rest = re.fullmatch(r"(\w+)(.*)", argument).groups()  # type: ignore[union-attr]
    nodes = [(key, node) for key, node in _mappings(config) if first in node]
    of_owner = [(key, node) for key, node in nodes if key == owner]
    if class_name is not None:
        nodes = [(key, node) for key, node in nodes if str(node.get("_target_")).split(".")[-1] == class_name]
    # An object may raise an error of its parts.
    nodes = of_owner or nodes
    found = {typed_key(f"{key}.{first}".lstrip("."), config) for key, _ in nodes}
    if owner is None and argument in _PASSED:
        return _PASSED[argument]
    key = typed_key(found.pop() + rest, config) if len(found) == 1 else None
    return key if key and _is_there(key, config) else None


def _mappings(node: Any, key: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields every mapping inside a config, with its dotted key."""
    if isinstance(node, Mapping):
        yield key, node
        for name, value in node.items():
            yield from _mappings(value, f"{key}.{name}".lstrip("."))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from _mappings(value, f"{key}.{i}")


def _package_of(group: str) -> str:
    """Returns the key that a group sets: ``val`` of ``data@val``."""
    return group.rpartition("@")[2].replace("/", ".")


def _way_out(key: str | None, config: Any, choices: Mapping[str, str]) -> str | None:
    """Returns how to choose another option of a key's group, or how to remove one of a named set."""
    for group, option in choices.items():
        package = _package_of(group)
        if key == package:
            return f"{group}=NAME chooses {key}, now {option}"
        node = _node(package, config)
        held = key and _node(key, config)
        if key and key.rpartition(".")[0] == package and "_target_" not in node and isinstance(held, dict):
            return f"{key}=null leaves it out"
    return None
