"""Results of a set on dashboards."""

from pathlib import Path

import pytest

from diode_pl.synthesis.results import show_set
from tests.dashboard_listener import Listener

SUMMARY = {"images": 4, "boxes": 5, "seconds_per_image": 0.5, "scores": {"teacher_map50": 0.75}}
SUMMARY |= {"data_access": "teacher +verifier", "resolution": 64}


@pytest.mark.parametrize("complete", [True, False])
def test_scores_tags_and_the_files_of_a_set_that_is_complete(complete: bool, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "annotations.json").write_text("{}")
    board = Listener()
    show_set([board], tmp_path, SUMMARY | {"complete": complete})
    expected = {"images": 4, "boxes": 5, "seconds_per_image": 0.5, "teacher_map50": 0.75}
    assert board.heard("summarize") == [(expected | {"data_access": "teacher +verifier"},)]
    assert board.heard("add_tags") == [(["teacher", "+verifier"],)]
    assert [artifact.facts["images"] for (artifact,) in board.heard("log_artifact")] == [4] * complete
