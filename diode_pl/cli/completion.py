"""``synthesize.py finish=true``: another task, which makes no image and asks for no accelerator."""

from collections.abc import Sequence

from diode_pl.cli.insertion import insert_overrides

_TASK = "task._target_=diode_pl.synthesis.finishing.finish"
_RULES = "task.accept={_target_:diode_pl.cli.load_recorded_rules,folder:${output_dir}}"


def choose_completion(overrides: Sequence[str], entry_point: str) -> list[str]:
    """Replaces the task of ``synthesize.py`` where the command line says ``finish=true``.

    The rules of what is accepted are those of the set unless the command line names others, which the set then keeps; a
    verifier looks at the images only if it is named.

    Args:
        overrides: the arguments of the command line.
        entry_point: its name.

    Returns:
        The arguments, with those that were added.

    Example:
        >>> choose_completion(["finish=true", "accept=all"], "synthesize")[3:]
        ['~task.shard', '+task.keep_rules=true', 'finish=true', 'accept=all']
    """
    if entry_point != "synthesize" or "finish=true" not in [override.lower() for override in overrides]:
        return list(overrides)
    keys = [override.lstrip("+~").partition("=")[0] for override in overrides]
    added = [_TASK, "~task.inversion", "~task.trainer", "~task.shard"]
    if any(key == "detector@verifier" or key.startswith("verifier.") for key in keys):
        added.append("+task.verifier=${verifier}")
    names_rules = any(key == "accept" or key.startswith("accept.") for key in keys)
    added.append("+task.keep_rules=true" if names_rules else _RULES)
    return insert_overrides(overrides, added)
