"""What is read of a set."""

import json
from pathlib import Path

import pytest

from diode_pl.report.page.synthetic_set import BINS, read_set
from tests.report.page.runs import accept, write_set


def test_images_with_all_that_was_recorded(tmp_path: Path) -> None:
    content = read_set(write_set(tmp_path))
    assert [image["name"] for image in content.images] == [f"{i:08d}.png" for i in range(6)]
    second = content.images[1]
    assert second["href"] == "images/00000001.png" and len(second["src"]) > 100
    assert list(second["boxes"]) == ["targets", "teacher", "verifier"] and len(second["boxes"]["targets"]) == 1
    assert second["boxes"]["teacher"] == [[0.0, 0.0, 8.0, 6.0, 0, 0.8]]
    # An image without a target, and one whose only targets have a class that the verifier does not have.
    assert content.images[0]["seen"] == {} and set(content.images[1]["seen"]) == {"teacher", "verifier"}
    assert content.accepted is None and "accepted" not in second


def test_counts_of_every_box(tmp_path: Path) -> None:
    content = read_set(write_set(tmp_path))
    assert content.objects == {0: 2, 1: 2, 2: 2} and sum(content.sides) == 6 and len(content.sides) == BINS
    assert content.anchors == [pytest.approx(0.25), pytest.approx(0.4)]
    assert content.costs == [(0, 3, 2.0), (1, 3, 2.0)] and len(content.traces) == len(content.distances) == 2
    assert content.configuration["seed"] == 0 and content.stages == [{"resolution": 16, "iterations": 3}]


def test_strips_by_iteration(tmp_path: Path) -> None:
    ((name, frames),) = read_set(write_set(tmp_path)).strips
    assert name == "00000000" and [iteration for iteration, _ in frames] == [0, 1, 3]


def test_a_picture_of_a_strip_that_is_damaged_is_no_reason_to_stop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_set(tmp_path)
    (tmp_path / "snapshots" / "00000000" / "000001.jpg").write_bytes(b"cut")
    assert read_set(tmp_path).strips == [] and "its strip is left out" in caplog.text


def test_a_set_of_an_earlier_version_has_its_targets(tmp_path: Path) -> None:
    content = read_set(write_set(tmp_path, noted=False))
    assert len(content.images) == 6 and list(content.images[1]["boxes"]) == ["targets"]
    assert not (content.traces or content.distances or content.anchors or content.strips)


def test_of_many_images_some_are_shown_and_all_are_counted(tmp_path: Path) -> None:
    content = read_set(write_set(tmp_path), most=2)
    assert [image["name"] for image in content.images] == ["00000000.png", "00000003.png"]
    assert content.objects.total() == 6


def test_accepted_where_it_is_recorded(tmp_path: Path) -> None:
    accept(write_set(tmp_path))
    content = read_set(tmp_path)
    assert content.accepted == 4
    assert content.images[0]["accepted"] is False and content.images[0]["reason"] == "unseen by the verifier"
    assert content.images[1]["accepted"] is True


def test_damage_names_the_file(tmp_path: Path) -> None:
    write_set(tmp_path)
    (tmp_path / "dataset.json").write_text(json.dumps({"images": 6}))
    with pytest.raises(ValueError, match="dataset.json does not describe a set: KeyError"):
        read_set(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_set(tmp_path / "none")
