"""The command line before Hydra reads it."""

import sys

from diode_pl.cli.experiments import qualify_experiments
from diode_pl.cli.help import register_help
from diode_pl.cli.renamed import refuse_renamed


def prepare_arguments(entry_point: str) -> None:
    """Refuses words that have been renamed, finds experiments by their short names, and prepares `--help`.

    Args:
        entry_point: its name, ``synthesize`` or ``train``.

    Raises:
        SystemExit: a word has been renamed; says the new one.
    """
    refuse_renamed(sys.argv[1:])
    register_help(entry_point)
    sys.argv[1:] = qualify_experiments(sys.argv[1:], entry_point)
