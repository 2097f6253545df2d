"""One collector for all tables."""

import csv
import sys
from pathlib import Path

import pytest

from benchmarks import collect
from tests.benchmarks.sweeps import synthesis, training


def test_markdown_and_a_file_for_other_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    synthesis(tmp_path / "images", [], 0.7, 1.0, 3.0)
    training(tmp_path / "student", ['train.root="a, b"'], 0.4)
    training(tmp_path / "other", [], 0.6)
    path = tmp_path / "tables" / "all.csv"
    monkeypatch.setattr(sys, "argv", ["collect.py", str(tmp_path), "--csv", str(path)])
    collect.main()
    printed = capsys.readouterr().out.split("\n\n")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    written = [rows[: rows.index([])], rows[rows.index([]) + 1 :]]
    assert len(printed) == len(written) == 2
    for text, table in zip(printed, written, strict=True):
        first, _, *others = text.strip().splitlines()
        assert [[cell.strip() for cell in line.strip("|").split(" | ")] for line in (first, *others)] == table
    assert written[1][2][0] == 'train.root="a, b"'


@pytest.mark.parametrize("layout", ["table2", "table3", "table4", "table5", "transfer", "sweep"])
def test_every_layout_says_where_nothing_is(layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["collect.py", "--layout", layout, str(tmp_path)])
    with pytest.raises(SystemExit, match=str(tmp_path)):
        collect.main()
