"""The entry points: of the scripts in a checkout, and the commands that ``pip install`` puts on the path."""

import hydra

from diode_pl.cli.conf import CONF
from diode_pl.cli.errors import one_line_errors
from diode_pl.cli.run import prepare_arguments, run


def run_entry_point(name: str) -> None:
    """Runs what the command line says.

    Args:
        name: of the entry point, which is that of its configuration.
    """
    with one_line_errors():
        prepare_arguments(name)
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)(run)()


def synthesize() -> None:
    """``diode-synthesize``: from a trained detector to labeled images."""
    run_entry_point("synthesize")


def train() -> None:
    """``diode-train``: from a trained detector and images to a new detector."""
    run_entry_point("train")


def predict() -> None:
    """``diode-predict``: what a detector finds in pictures."""
    run_entry_point("predict")


def export() -> None:
    """``diode-export``: from a detector's weights to a file for other programs."""
    run_entry_point("export")
