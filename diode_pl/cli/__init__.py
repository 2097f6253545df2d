"""The command line: the only room that knows Hydra."""

from diode_pl.cli.entry_points import run_entry_point
from diode_pl.cli.held_out import register_held_out_source
from diode_pl.cli.job_folder import register_job_folder
from diode_pl.cli.recorded import load_recorded_rules, load_recorded_teacher, register_recorded
from diode_pl.cli.run_card import register_run_card

register_held_out_source()
register_recorded()
register_job_folder()
register_run_card()

__all__ = ["load_recorded_rules", "load_recorded_teacher", "run_entry_point"]
