"""The command line: the only room that knows Hydra."""

from diode_pl.cli.entry_points import run_entry_point

__all__ = ["run_entry_point"]
