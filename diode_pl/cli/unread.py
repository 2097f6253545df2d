"""Keys of the command line that nothing reads."""

import json
import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import Any

from diode_pl.io.quoting import shorten


def refuse_unread(overrides: Sequence[str], config: Any, groups: Collection[str]) -> None:
    """Refuses ``+KEY=VALUE`` that adds a key to the config which nothing reads.

    A key is read if another value refers to it or to a mapping that holds it, or if such a mapping is a class with its
    arguments, see :func:`refuse_unlike_signatures`.

    Args:
        overrides: the arguments of the command line.
        config: as plain data with interpolations unresolved, the added keys included.
        groups: names of the config groups that options were chosen of.

    Raises:
        ValueError: if there is one; the message names the nearest key that is read.

    Example:
        >>> refuse_unread(["+num_image=8"], {"num_image": 8, "num_images": 32}, [])
        Traceback (most recent call last):
        ValueError: +num_image=8: nothing reads the key num_image; did you mean num_images?
    """
    for override in overrides:
        added = re.fullmatch(r"\+([a-z_]\w*(?:\.\w+)*)=.*", override, flags=re.DOTALL)
        if added is None or added[1] in groups or added[1].startswith("hydra."):
            continue
        holders, text = _holders(added[1].split("."), config), json.dumps(config, default=str)
        refers = rf"\$\{{{re.escape(added[1])}[.\[}}]|[:,]{re.escape(added[1])}\}}"
        whole = "|".join(rf"[{{:,]{re.escape(key)}\}}" for key, _ in holders[1:]) or "$^"
        if any("_target_" in node for _, node in holders) or re.search(f"{refers}|{whole}", text):
            continue
        parent, _, name = added[1].rpartition(".")
        siblings = [f"{parent}.{known}".lstrip(".") for known in holders[-1][1] if known != name]
        near = get_close_matches(added[1], siblings, n=1)
        raise ValueError(
            f"{shorten(override)}: nothing reads the key {added[1]}" + (f"; did you mean {near[0]}?" if near else "")
        )


def _holders(parts: Sequence[str], config: Any) -> list[tuple[str, dict[str, Any]]]:
    """The mappings around a key, from the config itself inward, by their own keys."""
    found = [("", config)]
    for end in range(1, len(parts)):
        node = found[-1][1].get(parts[end - 1])
        if not isinstance(node, dict):
            break
        found.append((".".join(parts[:end]), node))
    return found
