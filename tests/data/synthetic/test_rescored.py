"""What a later verifier has found."""

import json
from pathlib import Path
from typing import Any

import pytest

from diode_pl.data.synthetic.records import record_path
from diode_pl.data.synthetic.rescored import is_rescored, read_measured, rescored_path, write_rescored
from tests.data.batches import NAMES, data_set, finished

NOTHING = {"boxes": [], "labels": [], "scores": []}
FIRST = {"detections": {"teacher": [NOTHING] * 2, "verifier": [NOTHING] * 2}, "known_classes": {"verifier": [0]}}
SECOND = {"detections": {"verifier": [NOTHING] * 2}, "known_classes": {"verifier": [2]}}


@pytest.fixture
def record(tmp_path: Path) -> Path:
    scores = {"teacher_map50": 0.5, "verifier_map50": 0.25}
    data_set(tmp_path).write(finished(scores=scores, notes=FIRST))
    return record_path(tmp_path, 0)


def entries(record: Path) -> list[Any]:
    return json.loads(record.read_text())["images"]


def test_it_replaces_what_the_first_verifier_found_and_the_record_stays(record: Path) -> None:
    before = record.read_bytes()
    write_rescored(record, entries(record), "abc", SECOND | {"scores": {"verifier_map50": 0.75}})
    measured = read_measured(record, len(NAMES))
    assert measured["scores"] == {"teacher_map50": 0.5, "verifier_map50": 0.75}
    assert measured["known_classes"] == {"verifier": [2]} and set(measured["detections"]) == {"teacher", "verifier"}
    assert measured["data_access"] == "teacher +verifier"
    assert record.read_bytes() == before
    assert is_rescored(record, entries(record), "abc") and not is_rescored(record, entries(record), "other")


def test_the_score_of_the_first_does_not_stay_where_the_second_could_not_be_measured(record: Path) -> None:
    write_rescored(record, entries(record), "abc", SECOND | {"scores": {}})
    assert read_measured(record, len(NAMES))["scores"] == {"teacher_map50": 0.5}


def test_of_images_that_were_made_again_it_does_not_count(record: Path) -> None:
    others = [entry | {"sha256": "0" * 64} for entry in entries(record)]
    write_rescored(record, others, "abc", SECOND | {"scores": {"verifier_map50": 0.75}})
    assert read_measured(record, len(NAMES))["scores"]["verifier_map50"] == 0.25
    assert not is_rescored(record, entries(record), "abc")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"detections": {"verifier": []}}'])
def test_a_damaged_file_is_named_and_the_record_counts(
    record: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    rescored_path(record).parent.mkdir()
    rescored_path(record).write_text(content)
    assert read_measured(record, len(NAMES)) == json.loads(record.read_text())
    assert f"{rescored_path(record)} is damaged and not used" in caplog.text
