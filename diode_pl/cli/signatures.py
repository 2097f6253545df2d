"""Keys and values of a config, compared with the arguments of the classes and functions that take them.

OmegaConf checks types only where a dataclass repeats the constructor; here its own annotations count.
"""

import inspect
import math
import types
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from hydra.utils import get_object

from diode_pl.cli.errors import typed_key
from diode_pl.io.quoting import quote

_WORDS = {
    int: "an integer",
    float: "a finite number",
    bool: "true or false",
    str: "a text",
    Path: "a path",
    types.NoneType: "null",
}
_LARGEST = 2**63 - 1
_OF_HYDRA = {"_target_", "_partial_", "_convert_", "_recursive_", "_args_"}


class Arguments(NamedTuple):
    """What a class or function takes.

    Args:
        hints: annotation of each argument that has one.
        names: of the arguments.
        open_ended: whether others are taken too.
    """

    hints: dict[str, Any]
    names: list[str]
    open_ended: bool


def refuse_unlike_signatures(
    written: Any, resolved: Any, find_arguments: Callable[[str], Arguments] | None = None
) -> None:
    """Checks every node with a ``_target_``: each key must be an argument, each value of the type of its annotation.

    Args:
        written: the config as plain data with interpolations unresolved.
        resolved: the same with interpolations resolved.
        find_arguments: of a target; where it raises an error, the node is not checked. None imports the target.

    Raises:
        ValueError: if one is not; the message starts with the key as it is typed, and names the nearest argument.

    Example:
        >>> node = {"mosaic": {"_target_": "diode_pl.data.tiling.Fixed", "tiles": "many"}}
        >>> refuse_unlike_signatures(node, node)
        Traceback (most recent call last):
        ValueError: mosaic.tiles must be an integer, got 'many'
    """
    for key, node in find_targets(resolved):
        try:
            hints, known, open_ended = (find_arguments or _import_arguments)(node["_target_"])
        except Exception:  # Hydra says what is wrong with a target when it builds the object
            continue
        for name, value in node.items():
            # A student without names gets those of its teacher.
            if name in _OF_HYDRA or value is None and node.get("_partial_") and name == "names":
                continue
            path = typed_key(f"{key}.{name}".lstrip("."), written)
            if name not in known and not open_ended:
                near = get_close_matches(name, known, n=1)
                nearest = typed_key(f"{key}.{near[0]}".lstrip("."), written) if near else ""
                way_out = f"; did you mean {nearest}?" if near else f", only {', '.join(known)}"
                raise ValueError(f"{path}: {node['_target_'].rpartition('.')[2]} has no argument {name}{way_out}")
            if name in hints and (place := _unlike(value, hints[name])) is not None:
                where, wrong, hint = place
                typed = typed_key(f"{key}.{name}{where}".lstrip("."), written)
                raise ValueError(f"{typed} must be {_describe(hint)}, got {_show(wrong)}{_quotes(wrong, hint)}")


def find_targets(node: Any, key: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields every node that is to be built, with its dotted key; arguments before what takes them."""
    if isinstance(node, Mapping):
        for name, value in node.items():
            yield from find_targets(value, f"{key}.{name}".lstrip("."))
        if isinstance(node.get("_target_"), str):
            yield key, node
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from find_targets(value, f"{key}.{i}")


@cache
def _import_arguments(target: str) -> Arguments:
    found = get_object(target)
    parameters = inspect.signature(found).parameters.values()
    names = [each.name for each in parameters if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)]
    hints = get_type_hints(found.__init__ if isinstance(found, type) else found)  # type: ignore[misc]
    return Arguments(hints, names, any(each.kind is each.VAR_KEYWORD for each in parameters))


def _unlike(value: Any, hint: Any) -> tuple[str, Any, Any] | None:
    """Where in a value it is not of the type of an annotation: the rest of the key, what is there, what should be."""
    if hint is Any or isinstance(value, Mapping) and "_target_" in value:
        return None
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if Path in arguments and value == "":  # which would be the working folder
            return "", value, hint
        found = [_unlike(value, option) for option in arguments]
        if not all(found):
            return None
        # Of a list or mapping, the entry that is wrong says more.
        return next((each for each in found if each and each[0]), ("", value, hint))
    if origin is Literal:
        return None if value in arguments else ("", value, hint)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        entries = value.items() if isinstance(value, Mapping) else None
        return _first_unlike(value, hint, entries, [arguments[-1]])
    if isinstance(origin, type) and issubclass(origin, Sequence | Collection):
        kinds = [kind for kind in arguments if kind is not ...]
        return _first_unlike(value, hint, enumerate(value) if isinstance(value, list) else None, kinds)
    return None if _is_of(value, hint) else ("", value, hint)


def _first_unlike(value: Any, hint: Any, entries: Any, kinds: Sequence[Any]) -> tuple[str, Any, Any] | None:
    if entries is None:
        return "", value, hint
    for i, (name, entry) in enumerate(entries):
        place = _unlike(entry, kinds[min(i, len(kinds) - 1)])
        if place is not None:
            return f".{name}{place[0]}", *place[1:]
    return None


def _is_of(value: Any, kind: Any) -> bool:
    if kind is float:
        return _is_number(value) and math.isfinite(value)
    if kind is int:
        return _is_number(value) and not isinstance(value, float)
    if kind in (str, Path):
        return isinstance(value, str)
    if kind in _WORDS:
        return isinstance(value, kind)
    if get_origin(kind) is not None or kind is Callable:  # of objects: functions, generic classes
        return False
    return not isinstance(kind, type) or isinstance(value, kind)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not abs(value) > _LARGEST


def _describe(hint: Any) -> str:
    """An annotation in words."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_describe(option) for option in arguments))
    if origin is Literal:
        return str(arguments[0]) if len(arguments) == 1 else f"one of {', '.join(map(str, arguments))}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "a mapping"
    if isinstance(origin, type) and issubclass(origin, Collection):
        return f"a list, each entry {_describe(arguments[0])}"
    name = str(getattr(origin or hint, "__name__", hint))
    return _WORDS.get(hint, f"{'an' if name[0] in 'AEIOU' else 'a'} {name}")


def _show(value: Any) -> str:
    """A value as it is typed, with what a number lacks."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float) and abs(value) > _LARGEST:
        return f"{quote(value)}, which is beyond 64 bits"
    return quote(value)


def _quotes(value: Any, hint: Any) -> str:
    """The way out for a text that looks like a number, such as the name of a folder."""
    wants_text = str in (hint, *get_args(hint))
    return f"; as a text: \"'{value}'\"" if wants_text and isinstance(value, int) and abs(value) < _LARGEST else ""
