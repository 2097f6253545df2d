"""The command line: the only room that knows Hydra."""

from diode_pl.cli.run import prepare_arguments, run

__all__ = ["prepare_arguments", "run"]
