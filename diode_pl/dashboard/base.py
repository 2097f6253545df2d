"""What a dashboard takes beside the numbers of every logger."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger

from diode_pl.dashboard.artifact import Artifact
from diode_pl.dashboard.picture import Picture

Cell = str | float | int | None


@dataclass(frozen=True)
class RunCard:
    """What is known of a run when it begins.

    Args:
        job: kind of the run, such as ``synthesize``.
        folder: its output folder; a run that is continued there is the same run.
        configuration: as composed, nested plain data.
        results: names of the numbers that it ends with, as :meth:`Dashboard.summarize` gets them.
    """

    job: str
    folder: Path
    configuration: Mapping[str, Any]
    results: Sequence[str] = ()


class Dashboard(Logger):
    """A logger of Lightning that shows more than numbers. What it has no place for, it writes as text.

    Steps are on one axis with those of the numbers. Only the main process calls these methods.
    """

    @abstractmethod
    def begin(self, card: RunCard) -> None:
        """Opens the run, anew or where an earlier one in the same folder ended.

        Raises:
            ValueError: if that is impossible; the message says what to do.
        """

    @abstractmethod
    def add_tags(self, tags: Sequence[str]) -> None:
        """Adds words by which runs are found."""

    @abstractmethod
    def log_pictures(self, name: str, pictures: Sequence[Picture], class_names: Sequence[str], step: int) -> None:
        """Shows pictures, each with every layer of its boxes, which can be looked at one by one.

        Args:
            name: of the group that they belong to.
            pictures: those of one step.
            class_names: by label.
            step: number of the step.
        """

    @abstractmethod
    def log_table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], step: int) -> None:
        """Shows a table; None is a cell without a value."""

    @abstractmethod
    def log_chart(self, name: str, lines: Mapping[str, Sequence[tuple[float, float]]], step: int) -> None:
        """Shows several numbers as lines of one chart.

        Args:
            name: title of the chart.
            lines: points so far by the name under which the numbers are logged as well.
            step: number of the step.
        """

    @abstractmethod
    def summarize(self, values: Mapping[str, Cell]) -> None:
        """Sets what the run is compared by with others: numbers, and words on them.

        Args:
            values: by name, shown as ``result/<name>``. A name with a slash is that of a number that was logged: a
                dashboard which shows the last value of it in a table of runs shows this one.
        """

    @abstractmethod
    def log_artifact(self, artifact: Artifact) -> None:
        """Keeps files that the run made."""

    @abstractmethod
    def use_artifact(self, artifact: Artifact) -> None:
        """Notes files that the run starts from."""

    @abstractmethod
    def end(self, succeeded: bool) -> None:
        """Closes the run, so that the next one in this process is another."""
