"""The notebook of docs/, at sizes of a second: every cell runs, and what stands last in one shows itself."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

TOUR = Path(__file__).resolve().parents[1] / "docs" / "tour.ipynb"
SIZES, SMALL = "count, resolution, iterations, epochs, steps = 16, 96, 200, 5, 60", "2, 64, 4, 1, 2"


def run_cell(code: str, names: dict[str, Any]) -> Any:
    """Runs a cell; returns the value of the expression that it ends with, which a notebook shows, or None."""
    body = ast.parse(code)
    last = body.body.pop() if isinstance(body.body[-1], ast.Expr) else None
    exec(compile(body, TOUR.name, "exec"), names)
    if last is None:
        return None
    assert isinstance(last, ast.Expr)
    return eval(compile(ast.Expression(last.value), TOUR.name, "eval"), names)


def test_every_cell_runs_and_shows_what_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unchecked: None
) -> None:
    monkeypatch.chdir(tmp_path)
    # What takes longer than all the rest, and has tests of its own.
    monkeypatch.setattr("diode_pl.distillation.report.export_onnx", lambda *_: 0.0)
    for job in ("distillation.report", "synthesis.job"):
        monkeypatch.setattr(f"diode_pl.{job}.try_write_page", lambda *_: None)
    cells = [cell for cell in json.loads(TOUR.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells), "is kept without results"
    codes = ["".join(cell["source"]) for cell in cells]
    assert SIZES in codes[0] and sum(bool(line.strip()) for code in codes for line in code.splitlines()) <= 40
    names = dict[str, Any]()
    shown = [run_cell(code.replace(SIZES, f"{SIZES.partition('=')[0]}= {SMALL}"), names) for code in codes]
    pages = [value._repr_html_() for value in shown if hasattr(value, "_repr_html_")]
    assert ["Darknet" in pages[0], "data:image/jpeg" in pages[1], "random weights" in pages[2]] == [True, True, False]
    assert "detections" in pages[3] and len(pages) == 4
    assert shown[-1].size[0] > 400  # a picture
