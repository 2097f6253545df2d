"""Dashboards of runs: loggers that take pictures with boxes, tables, charts, results and files as well as numbers."""

from diode_pl.dashboard.artifact import Artifact
from diode_pl.dashboard.base import Dashboard, RunCard
from diode_pl.dashboard.picture import Boxes, Picture
from diode_pl.dashboard.recording import log_numbers, open_dashboards, recorded
from diode_pl.dashboard.tensorboard import TensorBoard
from diode_pl.dashboard.wandb import Wandb

__all__ = [
    "Artifact",
    "Boxes",
    "Dashboard",
    "Picture",
    "RunCard",
    "TensorBoard",
    "Wandb",
    "log_numbers",
    "open_dashboards",
    "recorded",
]
