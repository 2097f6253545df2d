"""Overrides that are added to a command line."""

from collections.abc import Sequence


def insert_overrides(words: Sequence[str], added: Sequence[str]) -> list[str]:
    """Puts overrides in front of the first one of a command line.

    Hydra takes overrides in one row only: none behind options such as ``--cfg job``, none in front of ``-m`` if others
    follow it.

    Args:
        words: the arguments of the command line.
        added: overrides.

    Example:
        >>> insert_overrides(["-m", "seed=0,1", "--cfg", "job"], ["shard=a"])
        ['-m', 'shard=a', 'seed=0,1', '--cfg', 'job']
    """
    first = next((i for i, word in enumerate(words) if "=" in word and not word.startswith("-")), len(words))
    return [*words[:first], *added, *words[first:]]
