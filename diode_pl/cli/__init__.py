"""The command line: the only room that knows Hydra."""

from diode_pl.cli.renamed import refuse_renamed
from diode_pl.cli.run import run

__all__ = ["refuse_renamed", "run"]
