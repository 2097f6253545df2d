"""The part of a run in which its loggers are open."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pytorch_lightning as pl
from lightning_fabric.loggers.logger import Logger
from pytorch_lightning.loggers import CSVLogger

from diode_pl.dashboard.base import Dashboard, RunCard

log = logging.getLogger(__name__)

_OF_NUMBERS = CSVLogger  # its option and the README say that it takes numbers alone


@contextmanager
def recorded(trainer: pl.Trainer, card: RunCard) -> Iterator[list[Dashboard]]:
    """Opens the dashboards of a run in its main process, and closes them at the end, also of one that fails.

    Args:
        trainer: with the loggers.
        card: of the run.

    Returns:
        The dashboards; none in other processes.

    Raises:
        ValueError: if one cannot be opened.
    """
    boards = open_dashboards(trainer)
    if trainer.is_global_zero:
        for logger in trainer.loggers:
            if not isinstance(logger, Dashboard | _OF_NUMBERS):
                name = type(logger).__name__
                log.warning("%s takes numbers alone; pictures, tables and files are in %s", name, card.folder)
    opened, succeeded = list[Dashboard](), False
    try:
        for board in boards:
            opened.append(board)
            board.begin(card)
        yield boards
        succeeded = True
    finally:
        for board in opened:
            board.end(succeeded)


def open_dashboards(trainer: pl.Trainer) -> list[Dashboard]:
    """Those of a trainer's loggers that show more than numbers; none outside the main process."""
    return [each for each in trainer.loggers if isinstance(each, Dashboard)] if trainer.is_global_zero else []


def log_numbers(loggers: Sequence[Logger], values: Mapping[str, float], step: int) -> None:
    """Writes numbers once to every logger, to the disk too: a run that is killed keeps them.

    ``LightningModule.log`` does not serve here: it repeats the last values of a name in every step until the next ones.

    Args:
        loggers: of a module or trainer; in other processes than the main one they do nothing.
        values: by name.
        step: that they belong to.
    """
    for logger in loggers:
        logger.log_metrics(dict(values), step)
        logger.save()
