"""Reading of YAML files, whoever wrote them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from diode_pl.io.quoting import quote, shorten
from diode_pl.io.text_files import read_text

MAX_REPEATED = 100_000
"""Values that aliases may repeat. Nested ones multiply: 457 bytes can stand for a billion."""


def read_yaml(path: str | Path) -> Any:
    """Content of a YAML file in UTF-8, with or without a byte order mark, as plain data.

    A number that would be written in another way, such as 007, is taken as text.

    Raises:
        ValueError: if the file cannot be read or is not YAML, its aliases repeat more than ``MAX_REPEATED`` values or
            themselves, or a key stands twice in one mapping.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "data.yaml")
        >>> _ = path.write_text("names: [mug, 007]")
        >>> read_yaml(path)
        {'names': ['mug', '007']}
    """
    try:
        loader = _Loader(read_text(path))
        loader.name = Path(path).name
        node = loader.get_single_node()
        if node is None:
            return None
        _count_values(node, {})
        return loader.construct_document(node)
    except Exception as error:  # PyYAML raises nearly anything on a value that is not of its type
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ValueError(f"{path} is not a readable YAML file: {shorten(reason)}") from error


class _Loader(yaml.SafeLoader):
    """Plain data only."""


def _construct_int(loader: _Loader, node: yaml.ScalarNode) -> int | str:
    number = loader.construct_yaml_int(node)
    return number if str(number) == node.value else node.value


_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)


def _count_values(node: yaml.Node, counts: dict[int, int]) -> int:
    """Number of values in a node if aliases are written out; ``counts`` are those of nodes that were met, by id."""
    if id(node) in counts:
        if not counts[id(node)]:
            raise ValueError(f"line {node.start_mark.line + 1}: an alias stands inside of what it repeats")
        return counts[id(node)]
    counts[id(node)] = 0
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        _require_different(key for key, _ in node.value)
        children = [child for pair in node.value for child in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    count = 1
    for child in children:
        count += _count_values(child, counts)
        if count > len(counts) + MAX_REPEATED:
            raise ValueError(f"aliases repeat more than {MAX_REPEATED:,} values; write out what they stand for")
    counts[id(node)] = count
    return count


def _require_different(keys: Iterable[yaml.Node]) -> None:
    lines = dict[tuple[str, str], int]()
    for key in keys:
        if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":  # << may stand several times
            continue
        first, line = lines.get((key.tag, key.value)), key.start_mark.line + 1
        if first is not None:
            raise ValueError(f"the key {quote(key.value)} stands on line {first} and again on line {line}")
        lines[key.tag, key.value] = line
