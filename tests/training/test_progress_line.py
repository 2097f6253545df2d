"""What a terminal of 80 columns shows, and what a file gets."""

import io
import logging
import sys

import pytest

from diode_pl.training import progress_line
from diode_pl.training.progress_line import ProgressLine


class Terminal(io.StringIO):
    """Takes what is drawn; its width comes from the environment."""

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        """Everything that was drawn, one entry for each time that the line was."""
        return [part.rstrip() for part in self.getvalue().replace("\r", "\n").split("\n") if part.strip()]


def open_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error and output become a terminal of 80 columns; no fixture, since pytest captures each phase anew."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    return stream


VALUES = {"total": 0.81234, "detection": 0.4419, "batch_norm": 12.0}


def test_a_bar_has_room_on_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    line = ProgressLine()
    line.update(30, 120, "batch 12/120, 320 px", VALUES)
    line.update(120, 120, "batch 12/120, 320 px", VALUES)
    line.close()
    drawn = terminal.lines()
    assert all(len(part) <= 80 for part in drawn)
    for part in ("batch 12/120, 320 px 100%|", " left, total 0.812, detection 0.442"):
        assert part in drawn[-1]
    assert "batch_norm" not in drawn[-1] and drawn[-1].count("#") >= 10, "the bar is a bar"


def test_what_is_logged_appears_above_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    handler = logging.StreamHandler(sys.stdout)
    monkeypatch.setattr(logging.root, "handlers", [handler])
    line, log = ProgressLine(), logging.getLogger("diode_pl.test")
    log.setLevel(logging.INFO)
    line.update(30, 120, "batch 1/4", {})
    log.info("batch 1 of 4 is written")
    line.update(120, 120, "batch 4/4", {})
    line.close()
    assert logging.root.handlers == [handler]
    assert [each for each in terminal.lines() if "is written" in each] == ["batch 1 of 4 is written"]


def test_a_file_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    seconds = [0.0]
    monkeypatch.setattr(progress_line.time, "monotonic", lambda: seconds[0])
    line = ProgressLine()
    for done in range(0, 1001):
        seconds[0] = done / 8  # exact in binary
        line.update(1000 + done, 2000, "epoch 3/4", VALUES)  # the first half was made before
    line.close()
    assert capsys.readouterr().err.splitlines() == [
        "epoch 3/4: 62%, 01:35 left, total 0.812, detection 0.442",
        "epoch 3/4: 74%, 01:05 left, total 0.812, detection 0.442",
        "epoch 3/4: 86%, 00:35 left, total 0.812, detection 0.442",
        "epoch 3/4: 98%, 00:05 left, total 0.812, detection 0.442",
    ]


def test_a_long_run_gets_at_most_a_hundred_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = [0.0]
    monkeypatch.setattr(progress_line.time, "monotonic", lambda: seconds[0])
    line = ProgressLine()
    for done in range(0, 2001):
        seconds[0] = done * 31.0
        line.update(done, 2000, "batch 1/9", {})
    assert 80 <= len(capsys.readouterr().err.splitlines()) <= 100
