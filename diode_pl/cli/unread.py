"""Keys of the command line that nothing reads."""

import json
import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import Any

from diode_pl.io.quoting import shorten


def refuse_unread(overrides: Sequence[str], config: Any, groups: Collection[str], known: Collection[str] = ()) -> None:
    """Refuses ``+KEY=VALUE``, ``++KEY=VALUE`` and ``+GROUP@KEY=OPTION`` that add a key which nothing reads.

    A key is read if another value refers to it or to a mapping that holds it, or if such a mapping is a class with its
    arguments, see :func:`refuse_unlike_signatures`.

    Args:
        overrides: the arguments of the command line.
        config: as plain data with interpolations unresolved, the added keys included.
        groups: names of the config groups that options were chosen of.
        known: keys that are there without the command line, whether or not this run reads them.

    Raises:
        ValueError: if there is one; the message names the nearest key that is read.

    Example:
        >>> refuse_unread(["++num_image=8"], {"num_image": 8, "num_images": 32}, [])
        Traceback (most recent call last):
        ValueError: ++num_image=8: nothing reads the key num_image; did you mean num_images?
    """
    for override in overrides:
        added = re.fullmatch(r"\+{1,2}([^=]+)=.*", override, flags=re.DOTALL)
        if added is None or added[1] in known:
            continue
        key = added[1]
        if key in groups:
            key = key.rpartition("@")[2].replace("/", ".")
            if key not in config:  # a group for the whole config, such as experiment
                continue
        holders, text = _holders(key.split("."), config), json.dumps(config, default=str)
        refers = rf"\$\{{{re.escape(key)}[.\[}}]|[:,]{re.escape(key)}\}}"
        whole = "|".join(rf"[{{:,]{re.escape(holder)}\}}" for holder, _ in holders[1:]) or "$^"
        if any("_target_" in node for _, node in holders) or re.search(f"{refers}|{whole}", text):
            continue
        parent, _, name = key.rpartition(".")
        siblings = [f"{parent}.{sibling}".lstrip(".") for sibling in holders[-1][1] if sibling != name]
        near = get_close_matches(key, siblings, n=1)
        raise ValueError(
            f"{shorten(override)}: nothing reads the key {key}" + (f"; did you mean {near[0]}?" if near else "")
        )


def _holders(parts: Sequence[str], config: Any) -> list[tuple[str, dict[str, Any]]]:
    """The mappings around a key, from the config itself inward, by their own keys."""
    found, node = [("", config)], config
    for end, part in enumerate(parts[:-1], start=1):
        if isinstance(node, list):  # a part of one is named by its number
            node = node[int(part)] if part.isdigit() and int(part) < len(node) else None
        else:
            node = node.get(part)
        if isinstance(node, dict):
            found.append((".".join(parts[:end]), node))
        elif not isinstance(node, list):
            break
    return found
