"""``synthesize.py finish=true``: another task, which builds no detector and asks for no accelerator."""

from collections.abc import Sequence

_TASK = "task._target_=diode_pl.data.synthetic.completion.finish_set"


def choose_completion(overrides: Sequence[str], entry_point: str) -> list[str]:
    """Replaces the task of ``synthesize.py`` where the command line says ``finish=true``.

    Args:
        overrides: the arguments of the command line.
        entry_point: its name.

    Returns:
        The arguments, with those that were added.

    Example:
        >>> choose_completion(["finish=true", "output_dir=runs/set"], "synthesize")[3:]
        ['~task.inversion', '~task.trainer', '~task.shard']
    """
    if entry_point != "synthesize" or "finish=true" not in [override.lower() for override in overrides]:
        return list(overrides)
    return [*overrides, _TASK, "~task.inversion", "~task.trainer", "~task.shard"]
