"""The command line before Hydra reads it."""

import sys

from diode_pl.cli.experiments import qualify_experiments
from diode_pl.cli.renamed import refuse_renamed


def prepare_arguments(entry_point: str) -> None:
    """Refuses words that have been renamed, and finds the experiments of an entry point by their short names.

    Args:
        entry_point: its name, ``synthesize`` or ``train``.

    Raises:
        SystemExit: a word has been renamed; says the new one.
    """
    refuse_renamed(sys.argv[1:])
    sys.argv[1:] = qualify_experiments(sys.argv[1:], entry_point)
