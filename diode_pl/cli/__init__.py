"""The command line: the only room that knows Hydra."""

from diode_pl.cli.arguments import prepare_arguments
from diode_pl.cli.run import run

__all__ = ["prepare_arguments", "run"]
