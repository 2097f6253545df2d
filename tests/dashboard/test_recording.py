"""Loggers that are open while a run works."""

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pytorch_lightning.loggers import CSVLogger, Logger

from diode_pl.dashboard import RunCard, TensorBoard, log_numbers, open_dashboards, recorded
from tests.event_files import hyperparameters, read_events, scalars

pytestmark = pytest.mark.usefixtures("unchecked")  # of the trainer, two attributes are enough


class Listener(Logger):
    """One that takes numbers, as those of other services do."""

    name, version = "listener", 0

    def __init__(self) -> None:
        self.heard = list[Any]()

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        self.heard.append((metrics, step))

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None: ...


def trainer(*loggers: Logger, main: bool = True) -> Any:
    return SimpleNamespace(loggers=list(loggers), is_global_zero=main)


def card(folder: Path) -> RunCard:
    return RunCard("train", folder, {"seed": 3}, ["AP50"])


@pytest.mark.parametrize("fails", [False, True])
def test_a_dashboard_is_opened_and_closed_also_by_an_error(fails: bool, tmp_path: Path) -> None:
    board = TensorBoard(tmp_path)
    try:
        with recorded(trainer(board), card(tmp_path)) as boards:
            assert boards == [board]
            if fails:
                raise ConnectionAbortedError("power cut")
    except ConnectionAbortedError:
        assert fails
    events = read_events(Path(board.log_dir))
    assert hyperparameters(events) == {"seed": 3}
    assert ("_hparams_/session_end_info" in events.summary_metadata) != fails


def test_other_processes_have_no_dashboards(tmp_path: Path) -> None:
    others = trainer(TensorBoard(tmp_path), main=False)
    with recorded(others, card(tmp_path)) as boards:
        assert boards == open_dashboards(others) == []
    assert not list(tmp_path.iterdir())


def test_a_logger_of_numbers_is_named_unless_it_says_so_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with recorded(trainer(CSVLogger(tmp_path), Listener()), card(tmp_path)) as boards:
        assert boards == []
    assert caplog.messages == [f"Listener takes numbers alone; pictures, tables and files are in {tmp_path}"]


def test_numbers_are_on_the_disk_at_once(tmp_path: Path) -> None:
    loggers = [CSVLogger(tmp_path), Listener(), TensorBoard(tmp_path, "board")]
    log_numbers(loggers, {"loss": 1.0}, 3)
    log_numbers(loggers, {"loss": 0.5}, 6)
    with open(Path(loggers[0].log_dir) / "metrics.csv") as file:
        assert [(row["step"], row["loss"]) for row in csv.DictReader(file)] == [("3", "1.0"), ("6", "0.5")]
    assert loggers[1].heard == [({"loss": 1.0}, 3), ({"loss": 0.5}, 6)]
    assert scalars(read_events(Path(loggers[2].log_dir)), "loss") == [(3, 1.0), (6, 0.5)]
