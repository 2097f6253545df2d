"""Error messages in terms of the command line: all of them, also Hydra's and Lightning's, pass through here.

The library names its own arguments, sometimes after the class: ``resolution must be >= 32, got 31``, ``FKD: alpha must
be finite``, ``student, losses: ...``. The config contains the keys that set those arguments.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

from hydra.errors import HydraException

from diode_pl.cli.sweep_errors import JobError, without_hydras_line
from diode_pl.io.quoting import shorten

_ARGUMENT = r"[a-z_]\w*(?:\.\w+|\[\w+\])*"
_NAMED = re.compile(rf"(?:([A-Z]\w*): )?({_ARGUMENT}(?:(?:, | and ){_ARGUMENT})*)(?=:|=| must )")
_INTERPOLATION = re.compile(r"\$\{([\w.]+)\}")
# Arguments of the task that are not in the config.
_PASSED = {"folder": "output_dir"}
_IN_YAML = {"None": "null", "True": "true", "False": "false"}
_FULL_KEY = re.compile(r"^\s*full_key: (\S+)$", re.MULTILINE)
_OF_OMEGACONF = re.compile(r"\n\s+(full_key|object_type|reference_type):?[^\n]*")
_NO_OPTION = re.compile(
    r"Could not find '(.+)/(.+)'\s+Available options in '.+':\s+(.+?)\s+Config search path", re.DOTALL
)
_NO_KEY = re.compile(r"Could not override '([\w.]+)'")
_LONGEST = 1500  # characters; the text of some errors contains what a file or a value holds
_INTERRUPTED = 130  # as shells show a process that Ctrl-C ended
_EVERYTHING = "HYDRA_FULL_ERROR"  # the variable with which Hydra shows where an error comes from
_ONE_LINE = "DIODE_ONE_LINE_ERRORS"  # beside it: that was this module; the processes that a command starts inherit both


def shows_tracebacks() -> bool:
    """Whether the user asked for them, with HYDRA_FULL_ERROR=1."""
    return os.environ.get(_EVERYTHING) == "1" and _ONE_LINE not in os.environ


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Ends the program with one message instead of a traceback, unless HYDRA_FULL_ERROR=1 asks for it.

    Raises:
        SystemExit: for every other error.
    """
    if shows_tracebacks():
        yield
        return
    before = {name: os.environ.get(name) for name in (_EVERYTHING, _ONE_LINE)}
    # else Hydra prints errors itself, some of them with a traceback
    os.environ.update({_EVERYTHING: "1", _ONE_LINE: "1"})
    try:
        with without_hydras_line():
            yield
    except JobError as error:
        raise SystemExit(1 if error.was_shown_here else f"error: {error.message}") from None
    except KeyboardInterrupt:
        print("stopped by the keyboard; the same command continues what can be continued", file=sys.stderr)
        raise SystemExit(_INTERRUPTED) from None
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):  # Lightning's; the run has said what is kept
            raise SystemExit(_INTERRUPTED) from None
        raise
    except Exception as error:
        raise SystemExit(f"error: {describe_hydra_error(error, sys.argv[1:])}") from error
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ.update({name: value} if value is not None else {})


def describe_hydra_error(error: Exception, words: Sequence[str]) -> str:
    """What is wrong with a command that did not come as far as its task.

    Args:
        error: as Hydra raises it while it composes the config and makes the output folder.
        words: of the command line.

    Example:
        >>> describe_hydra_error(FileNotFoundError(2, "No such file or directory", "/proc/runs"), [])
        "output_dir: [Errno 2] No such file or directory: '/proc/runs'"
    """
    text = str(error)
    if found := _NO_OPTION.search(text):
        group, option, options = found[1], found[2], found[3].split()
        typed = next((word for word in words if word.endswith(f"={option}")), f"{group}={option}")
        return shorten(f"{typed}: no such option{_nearest(option, options)}; there are {', '.join(options)}", _LONGEST)
    if found := _NO_KEY.search(text):
        parent, _, key = found[1].rpartition(".")
        node = getattr(error.__cause__, "parent_node", None)
        known = [str(each) for each in node] if isinstance(node, Mapping) else []
        near = _nearest(key, known, f"{parent}.".lstrip("."))
        return f"{found[1]}: no such key{near}; --cfg job prints all of them"
    if isinstance(error, OSError) and not isinstance(error, HydraException):
        return f"output_dir: {text}"
    text = "; ".join(line.strip() for line in text.split("Config search path")[0].splitlines() if line.strip())
    return shorten(text, _LONGEST)


def _nearest(word: str, known: Sequence[str], before: str = "") -> str:
    near = get_close_matches(word, known, n=1)
    return f"; did you mean {before}{near[0]}?" if near else ""


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
    cause = error.__cause__ if at and error.__cause__ else error
    # A short one says little without its kind: KeyError('a').
    plain = not isinstance(cause, ValueError | OSError | RuntimeError) or isinstance(cause, UnicodeError)
    text = shorten(f"{type(cause).__name__}: {cause}" if plain and not at else str(cause), _LONGEST)
    text, owner = _OF_OMEGACONF.sub("", text), at and _typed_part(at[1], config)
    words = re.split("(, | and )", named[2]) if (named := _NAMED.match(text)) else []
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
        reference = _INTERPOLATION.fullmatch(str(find_node(".".join(parts[:i]), config)))
        if reference and _is_there(reference[1], config):
            return typed_key(".".join([reference[1], *parts[i:]]), config)
    return ".".join(parts)


def _typed_part(key: str, config: Any) -> str:
    """The typed key of what Hydra calls ``stages0``: ``stages.0``."""
    key = typed_key(key, config)
    return key if _is_there(key, config) else typed_key(re.sub(r"(\d+)$", r".\1", key), config)


def find_node(key: str, config: Any) -> Any:
    """What a config, as plain data, holds at a dotted key; None if nothing."""
    for part in key.split("."):
        if isinstance(config, list) and part.isdigit() and int(part) < len(config):
            config = config[int(part)]
        else:
            config = config.get(part) if isinstance(config, Mapping) else None
    return config


def _is_there(key: str, config: Any) -> bool:
    parent, _, last = key.rpartition(".")
    node = find_node(parent, config) if parent else config
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
        node = find_node(package, config)
        held = key and find_node(key, config)
        if key and key.rpartition(".")[0] == package and "_target_" not in node and isinstance(held, dict):
            return f"{key}=null leaves it out"
    return None
