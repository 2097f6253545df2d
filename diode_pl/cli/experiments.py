"""Short names of experiments."""

import re
from collections.abc import Sequence

_OVERRIDE = re.compile(r"(\+{0,2}experiment=)(.+)")
_NAME = re.compile(r"[^\[\],\s'\"]+")


def qualify_experiments(overrides: Sequence[str], entry_point: str) -> list[str]:
    """Prefixes the names of experiments in command line arguments with the entry point, the folder of its experiments.

    ``+experiment=quick`` of ``train.py`` is ``conf/experiment/train/quick.yaml``.

    Example:
        >>> qualify_experiments(["seed=1", "+experiment=demo,tables/chain/fp"], "train")
        ['seed=1', '+experiment=train/demo,train/tables/chain/fp']
    """

    def qualify(name: re.Match[str]) -> str:
        return name[0] if name[0].startswith(f"{entry_point}/") else f"{entry_point}/{name[0]}"

    matches = [(override, _OVERRIDE.fullmatch(override)) for override in overrides]
    return [match[1] + _NAME.sub(qualify, match[2]) if match else override for override, match in matches]
