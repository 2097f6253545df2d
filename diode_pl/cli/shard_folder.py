"""``-m shard.index=0,1 shard.count=2``: the jobs of such a sweep write into one folder."""

from collections.abc import Sequence

from diode_pl.cli.insertion import insert_overrides

_SUBFOLDER = "hydra.sweep.subdir"


def choose_shard_folder(overrides: Sequence[str]) -> list[str]:
    """Leaves out the folder by number that a job of a sweep has, where the jobs are parts of one set.

    Args:
        overrides: the arguments of the command line.

    Returns:
        The arguments, with the one that was added; the same if they say which folder a job has.

    Example:
        >>> choose_shard_folder(["shard.index=0,1", "shard.count=2"])
        ['hydra.sweep.subdir=.', 'shard.index=0,1', 'shard.count=2']
    """
    keys = {override.lstrip("+").partition("=")[0] for override in overrides}
    if "shard.count" not in keys or _SUBFOLDER in keys:
        return list(overrides)
    return insert_overrides(overrides, [f"{_SUBFOLDER}=."])
