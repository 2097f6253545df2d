"""The command line before Hydra reads it."""

import sys

from diode_pl.cli.experiments import qualify_experiments
from diode_pl.cli.help import register_help
from diode_pl.cli.renamed import refuse_renamed


def prepare_arguments(entry_point: str) -> None:
    """Rejects renamed words by a SystemExit, resolves short names of experiments, and prepares `--help`.

    Args:
        entry_point: ``synthesize`` or ``train``.
    """
    refuse_renamed(sys.argv[1:])
    register_help(entry_point)
    sys.argv[1:] = qualify_experiments(sys.argv[1:], entry_point)
