"""``+experiment=table3``: a sweep over the rows of a table of the paper."""

from collections.abc import Sequence

from omegaconf import OmegaConf

from diode_pl.cli.conf import CONF

ROWS = "rows/"
"""Folder of the rows among the experiments of an entry point."""
_EXPERIMENT = "experiment="


def expand_tables(overrides: Sequence[str], entry_point: str) -> list[str]:
    """Puts the rows of a table in the place of its name; ``_tables.yaml`` beside the experiments lists them.

    Args:
        overrides: the arguments of the command line.
        entry_point: its name, such as ``train``.

    Returns:
        The arguments, those of a sweep; the same without the name of a table.

    Example:
        >>> expand_tables(["+experiment=table4", "seed=0,1"], "synthesize")
        ['+experiment=rows/onebox', 'seed=0,1', '-m']
    """
    path = CONF / "experiment" / entry_point / "_tables.yaml"
    names = [word.partition("=")[2] for word in overrides if word.lstrip("+").startswith(_EXPERIMENT)]
    if not names or not path.is_file():
        return list(overrides)
    tables = {str(name): rows for name, rows in OmegaConf.load(path).items()}
    for word in overrides:
        tables |= tables.get(word, {}) if "=" in word else {}
    if not set(names) & {name for name in tables if "=" not in name}:
        return list(overrides)
    words = [_expand(word, tables) for word in overrides]
    return words if {"-m", "--multirun"} & set(words) else [*words, "-m"]


def _expand(word: str, tables: dict) -> str:
    key, _, name = word.partition("=")
    if not word.lstrip("+").startswith(_EXPERIMENT) or name not in tables:
        return word
    return f"{key}={','.join(ROWS + row for row in tables[name])}"
