"""``+experiment=table3``: a sweep over the rows of a table of the paper."""

from collections.abc import Sequence

from omegaconf import OmegaConf

from diode_pl.cli.conf import CONF

ROWS = "rows/"
"""Folder of the rows among the experiments of an entry point."""
_EXPERIMENT = "experiment="
_MAKER = "synthesize"  # of images; the tables whose rows have several seeds:
_SEEDED = {_MAKER: {"table2"}, "train": {"table3", "table4", "table5"}}


def expand_tables(overrides: Sequence[str], entry_point: str) -> list[str]:
    """Puts the rows of a table in the place of its name; ``_tables.yaml`` beside the experiments lists them.

    Args:
        overrides: the arguments of the command line.
        entry_point: its name, such as ``train``.

    Returns:
        The arguments, those of a sweep; the same without the name of a table. A table of several seeds gets the first
        one where none is typed, so that its folders are those of a sweep that grows by seeds; ``synthesize`` makes no
        use of validation images, which the tables of the paper's own data name.

    Raises:
        ValueError: if the other entry point makes the table.

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
    chosen = set(names) & {name for name in tables if "=" not in name}
    if not chosen:
        return list(overrides)
    if missing := [name for name in chosen if not tables[name]]:
        raise ValueError(f"+experiment={missing[0]}: {entry_point}.py has no part in this table; {_MAKER}.py makes it")
    words = [_expand(word, tables) for word in overrides if entry_point != _MAKER or not word.startswith("data@val=")]
    if chosen & _SEEDED[entry_point] and not any(word.startswith("seed=") for word in words):
        # Beside another word, as argparse takes words in one place only.
        words.insert(next(i for i, word in enumerate(words) if _EXPERIMENT in word) + 1, "seed=0")
    return words if {"-m", "--multirun"} & set(words) else [*words, "-m"]


def _expand(word: str, tables: dict) -> str:
    key, _, name = word.partition("=")
    if not word.lstrip("+").startswith(_EXPERIMENT) or name not in tables:
        return word
    return f"{key}={','.join(ROWS + row for row in tables[name])}"
