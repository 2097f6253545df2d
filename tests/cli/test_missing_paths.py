"""Paths that lead nowhere are refused before torch is imported; what may be a name is left to the library."""

from pathlib import Path
from typing import Any

import pytest

from diode_pl.cli.missing_paths import refuse_missing_paths


def refused(node: dict[str, Any], **others: Any) -> str:
    config = {"task": {"_target_": "some.function", "data": {"_target_": "some.Class", **node}}, **others}
    try:
        refuse_missing_paths(config, config)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "node",
    [
        {"root": "nowhere"},
        {"weights": "nowhere.safetensors"},
        {"cfg": "nowhere.cfg"},
        {"sets": [{"_target_": "some.Class", "root": "nowhere"}]},
        {"root": "{split}/nowhere", "split": "train"},
    ],
)
def test_a_path_that_is_not_there(node: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = refused(node)
    assert said.startswith("task.data.")
    assert str(tmp_path) in said
    assert said.endswith("does not exist")


def test_names_null_and_what_is_there_are_taken(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    assert not refused({"root": str(tmp_path / "{split}"), "split": "train"})
    assert not refused({"root": None, "weights": "COCO_V1", "cfg": {"_target_": "some.function", "file": "a.cfg"}})
    assert not refused({"source": "sampled"})


def test_what_the_task_does_not_build_is_not_looked_for() -> None:
    assert not refused({}, train={"_target_": "some.Class", "root": "nowhere"})


def test_the_key_is_the_one_that_is_typed_and_records_are_left_to_their_reader() -> None:
    node = {"_target_": "some.Class", "root": "nowhere"}
    task = {"_target_": "some.function", "train": node, "ckpt": "nowhere"}
    written = {"task": {**task, "train": "${train}", "ckpt": "${ckpt}"}, "train": node, "ckpt": "nowhere"}
    with pytest.raises(ValueError, match=r"^train\.root: .*nowhere"):
        refuse_missing_paths(written, {"task": task, "train": node})
    recorded = {**written, "train": {**node, "root": "${recorded_set:root}"}}
    with pytest.raises(ValueError, match=r"^ckpt: .*nowhere"):
        refuse_missing_paths(recorded, {"task": task, "train": node})
    with pytest.raises(ValueError, match=r"^source: .*nowhere"):
        refuse_missing_paths(
            {"task": {"_target_": "a", "source": "${source}"}, "source": "nowhere"},
            {"task": {"_target_": "a", "source": "nowhere"}},
        )
