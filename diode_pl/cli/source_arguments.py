"""Arguments of classes and functions, read from source code: importing them would take torch along."""

import builtins
import typing
from collections import abc
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import griffe

from diode_pl.cli.signatures import Arguments


@cache
def read_arguments(target: str) -> Arguments:
    """Reads the arguments of a class or function of this package.

    Args:
        target: where it is imported from, such as ``diode_pl.data.tiling.Fixed``.

    Raises:
        LookupError: if it is not there, or is of another package.

    Example:
        >>> read_arguments("diode_pl.data.tiling.Fixed")
        Arguments(hints={'tiles': <class 'int'>}, names=['tiles'], open_ended=False)
    """
    found = _find(target)
    if found.is_module:  # of a function of the same name
        found = found[found.name]
    parameters = (found.all_members["__init__"] if found.is_class else found).parameters
    taken = [each for each in parameters if each.name != "self"]
    named = [each for each in taken if each.kind not in _OPEN]
    hints = {each.name: _evaluate(str(each.annotation), found.module) for each in named if each.annotation is not None}
    return Arguments(hints, [each.name for each in named], any(each.kind is _KEYWORDS for each in taken))


_KEYWORDS = griffe.ParameterKind.var_keyword
_OPEN = (_KEYWORDS, griffe.ParameterKind.var_positional)


@cache
def _package() -> Any:
    return griffe.load("diode_pl", search_paths=[Path(__file__).parents[2]], resolve_aliases=False)


def _find(path: str) -> Any:
    package, _, rest = path.partition(".")
    if package != "diode_pl" or not rest:
        raise LookupError(f"{path} is not in diode_pl")
    return _package()[rest]


def _evaluate(annotation: str, module: Any) -> Any:
    """An annotation as an object, with Any for what stands for objects that no configuration holds."""
    try:
        return typing.get_type_hints(SimpleNamespace(__annotations__={"it": annotation}), {}, _Names(module))["it"]
    except (AttributeError, TypeError):  # Any[...] or Any.name
        return Any


class _Names(dict[str, Any]):
    """Names in annotations of a module: those of plain values, and what the package defines with these."""

    def __init__(self, module: Any) -> None:
        super().__init__(Path=Path)
        self.module = module

    def __missing__(self, name: str) -> Any:
        plain = (getattr(module, name, None) for module in (builtins, abc, typing))
        return next(filter(None, plain), None) or self._defined(name)

    def _defined(self, name: str) -> Any:
        try:
            found = _find(self.module.resolve(name))
        except (LookupError, griffe.NameResolutionError):
            return Any
        return _evaluate(str(found.value), found.module) if found.is_attribute else Any
