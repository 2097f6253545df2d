"""The page in the folder of a run."""

import json
from pathlib import Path

import pytest

from diode_pl.report.page import try_write_page, write_page
from tests.report.page.runs import write_set, write_training


def test_each_kind_of_run_gets_its_page(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assert write_page(write_set(tmp_path / "set")) == tmp_path / "set" / "report.html"
    student = write_training(tmp_path / "student")
    try_write_page(student)
    assert f"{student}/report.html: the whole run on one page" in caplog.text
    before = (student / "report.html").read_bytes()
    (student / "measured.json").write_text(json.dumps({"student": {"AP50": 0.1}, "data_access": "given weights"}))
    assert write_page(student, "measured.json").name == "measured.html"
    assert (student / "report.html").read_bytes() == before
    assert write_page(student).read_bytes() == before, "the same again"


def test_other_runs_stand_beside(tmp_path: Path) -> None:
    first, other = (write_training(tmp_path / name, images=1) for name in ("first", "other"))
    page = write_page(first, others=[other]).read_text()
    assert "Beside other runs" in page and "AP@0.5 of the runs" in page and "differs: in no key" in page


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no results: none of dataset\.json, metrics\.json, measured\.json"):
        write_page(tmp_path)


def test_a_run_is_not_lost_for_its_page(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = write_set(tmp_path)
    (folder / "images" / "00000001.png").write_bytes(b"cut")
    try_write_page(folder)
    assert "no page of" in caplog.text and "00000001.png is not a readable image" in caplog.text
    assert not (folder / "report.html").exists()
