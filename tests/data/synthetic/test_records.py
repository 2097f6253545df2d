"""Records of batches, whole and damaged."""

import json
from pathlib import Path
from typing import Any

import pytest

from diode_pl.data.synthetic import Plan
from diode_pl.data.synthetic.records import read_record, record_path, record_paths
from tests.data.batches import NAMES, data_set, finished

PLAN = Plan(6, 3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    data_set(tmp_path).write(finished(1, count=3))
    return record_path(tmp_path, 1)


def damage(path: Path, at: tuple[str | int, ...], value: Any) -> None:
    """Gives a field of a record another value; None removes it."""
    record = json.loads(path.read_text())
    node: Any = record
    for key in at[:-1]:
        node = node[key]
    if value is None:
        del node[at[-1]]
    else:
        node[at[-1]] = value
    path.write_text(json.dumps(record))


FIELDS = [
    "batch",
    "seed",
    "stages",
    "losses",
    "scores",
    "seconds",
    "data_access",
    "versions",
    "images",
    "configuration",
]
OF_IMAGES = ["id", "file_name", "width", "height", "sha256", "labels", "boxes"]
DAMAGES: list[tuple[tuple[str | int, ...], Any]] = [
    *(((name,), None) for name in FIELDS),
    *((("images", 2, name), None) for name in OF_IMAGES),
    *(((name,), "cut") for name in FIELDS if name != "data_access"),
    *((("images", 1, name), []) for name in OF_IMAGES if name not in ("labels", "boxes")),
    (("batch",), 2),
    (("data_access",), 5),
    (("data_access",), "some"),
    (("stages",), [{"resolution": 16}]),
    (("versions", "torch"), "\ud800"),
    (("seconds",), float("nan")),
    (("losses", "detection"), float("inf")),
    (("scores", "teacher_map50"), 1.5),
    (("scores", "teacher_map50"), float("nan")),
    (("versions", "torch"), 2),
    (("images",), []),
    (("images", 0), 7),
    (("images", 1, "id"), 4),  # that of the image before it
    (("images", 1, "file_name"), "../../00000004.png"),
    (("images", 2, "labels"), [0]),  # of two boxes
    (("images", 1, "labels"), [len(NAMES)]),
    (("images", 1, "boxes"), [[0, 0, 1]]),
    (("images", 1, "boxes"), [[0, 0, 1, float("nan")]]),
    (("images", 1, "width"), 0),
    (("images", 1, "sha256"), "0"),
]


@pytest.mark.parametrize(("at", "value"), DAMAGES, ids=str)
def test_a_damaged_field_is_an_error_that_names_file_and_field_and_its_batch_is_made_again(
    path: Path, at: tuple[str | int, ...], value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    damage(path, at, value)
    with pytest.raises(ValueError, match=rf"^{path}: ") as error:
        read_record(path, len(NAMES))
    assert "\n" not in str(error.value) and len(str(error.value)) < 400
    assert str(at[-1] if isinstance(at[-1], str) else at[0]) in str(error.value)
    assert data_set(path.parents[1]).find_missing(PLAN) == [0, 1]
    assert "batch 1 is damaged and is made again" in caplog.text and str(path) in caplog.text


@pytest.mark.parametrize("labels", [None, 5, True, {}, [0], [0, "1"], [0, -1], [0, len(NAMES)]])
def test_detections_are_checked(path: Path, labels: Any) -> None:
    record = json.loads(path.read_text())
    found = {"boxes": [[0, 0, 1, 1]] * 2, "labels": labels, "scores": [0.5] * 2}
    path.write_text(json.dumps(record | {"detections": {"teacher": [found] * 3}}))
    with pytest.raises(ValueError, match=rf"^{path}: detections "):
        read_record(path, len(NAMES))


@pytest.mark.parametrize("content", ["", "{", "[]", "5", "null"])
def test_a_file_that_is_no_record_is_an_error_that_names_it(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(ValueError, match=rf"^{path}"):
        read_record(path, len(NAMES))
    assert data_set(path.parents[1]).find_missing(PLAN) == [0, 1]


def test_a_whole_record_is_read_as_it_was_written(path: Path) -> None:
    assert read_record(path, len(NAMES)) == json.loads(path.read_text())
    assert data_set(path.parents[1]).find_missing(PLAN) == [0]


def test_the_images_of_another_batch_are_a_damage(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    record = json.loads(path.read_text())
    path.unlink()
    record_path(path.parents[1], 0).write_text(json.dumps(record | {"batch": 0}))
    assert data_set(path.parents[1]).find_missing(PLAN) == [0, 1]
    assert "id of the first image is 4" in caplog.text


def test_every_record_is_compared_with_the_configuration(tmp_path: Path) -> None:
    dataset = data_set(tmp_path)
    for number in range(3):
        dataset.write(finished(number, count=3))
    damage(record_path(tmp_path, 2), ("configuration", "losses", "detection", "weight"), 3.0)
    with pytest.raises(ValueError, match="losses.detection.weight: 3.0 there, 1.0 now"):
        data_set(tmp_path)


def test_records_come_by_number_and_nothing_else_counts(tmp_path: Path) -> None:
    (tmp_path / "batches").mkdir()
    for name in ("1000000.json", "999999.json", "000002.json", "2.json", "notes.json", ".000003.json.part"):
        (tmp_path / "batches" / name).write_text("{}")
    assert [path.stem for path in record_paths(tmp_path)] == ["000002", "999999", "1000000"]
