"""Keys of the command line that nothing reads."""

import json
import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import Any


def refuse_unread(overrides: Sequence[str], config: Any, groups: Collection[str]) -> None:
    """Refuses ``+KEY=VALUE`` that adds a key at the top of the config which no other value refers to.

    Keys further down are arguments of a class, which refuses those that it does not have.

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
        added = re.fullmatch(r"\+([a-z_]\w*)=.*", override, flags=re.DOTALL)
        if added is None or added[1] in groups:
            continue
        key = added[1]
        if not re.search(rf"\$\{{{key}[.\[}}]|[:,]{key}\}}", json.dumps(config, default=str)):
            near = get_close_matches(key, [known for known in config if known != key], n=1)
            raise ValueError(
                f"{override}: nothing reads the key {key}" + (f"; did you mean {near[0]}?" if near else "")
            )
