import json
import sys
from pathlib import Path

import pytest

from benchmarks import speed_tables

ROW = {"device": "a card", "floor_ms": 20.0, "step_ms": 32.0, "ratio": 1.6, "first_ms": None, "peak_gib": 2.5}
FILES = {
    "default_160": ROW | {"batch": 16, "resolution": 160, "precision": "16-mixed", "parts_ms": {"backward": 9.0}},
    "paper_160": ROW | {"batch": 128, "resolution": 160, "precision": "16-mixed", "parts_ms": {"optimizer": 1.0}},
    "student": ROW | {"batch": 8, "resolution": 160, "precision": "16-mixed", "val_s": 3.0, "parts_ms": {"data": 2.0}},
}


def test_a_row_a_file_and_the_seconds_of_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, row in FILES.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(row))
    monkeypatch.setattr(sys, "argv", ["speed_tables", str(tmp_path)])
    speed_tables.main()
    assert capsys.readouterr().out.splitlines() == [
        "a card",
        "",
        "|  | batch | resolution | precision | floor_ms | step_ms | ratio | peak_gib | val_s |",
        "|---|---|---|---|---|---|---|---|---|",
        "| default_160 | 16 | 160 | 16-mixed | 20.0 | 32.0 | 1.6 | 2.5 |  |",
        "| paper_160 | 128 | 160 | 16-mixed | 20.0 | 32.0 | 1.6 | 2.5 |  |",
        "| student | 8 | 160 | 16-mixed | 20.0 | 32.0 | 1.6 | 2.5 | 3.0 |",
        "",
        "| ms | backward | optimizer | data |",
        "|---|---|---|---|",
        "| default_160 | 9.0 |  |  |",
        "| paper_160 |  | 1.0 |  |",
        "| student |  |  | 2.0 |",
        "",
        "Seconds per image by the default, without scores and files: 0.800",
    ]


def test_both_resolutions_of_the_papers_budget_count() -> None:
    rows = {"paper_160": FILES["paper_160"], "paper_320": ROW | {"batch": 96, "step_ms": 96.0}}
    budget = {"paper_160": 2500, "paper_320": 1500}
    assert speed_tables.seconds_per_image(rows, budget) == pytest.approx(2500 * 0.032 / 128 + 1500 * 0.096 / 96)


def test_a_folder_without_figures_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["speed_tables", str(tmp_path)])
    with pytest.raises(SystemExit):
        speed_tables.main()
