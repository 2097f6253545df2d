"""The command that makes a page."""

from pathlib import Path

import pytest

from diode_pl.report.__main__ import main
from tests.report.page.runs import write_training


def test_it_prints_where_the_page_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, other = (write_training(tmp_path / name, images=1) for name in ("first", "other"))
    main([str(first), str(other)])
    assert capsys.readouterr().out == f"{first / 'report.html'}\n"
    assert "Beside other runs" in (first / "report.html").read_text()


def test_what_is_wrong_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as error:
        main([str(tmp_path)])
    assert str(error.value).startswith(f"error: {tmp_path} holds no results")
