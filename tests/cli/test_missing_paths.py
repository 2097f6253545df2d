"""Paths that lead nowhere are refused before torch is imported; what may be a name is left to the library."""

from pathlib import Path
from typing import Any

import pytest

from diode_pl.cli.missing_paths import refuse_missing_paths


def refused(node: dict[str, Any]) -> str:
    config = {"train": {"_target_": "some.Class", **node}}
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
        {"sets": {"ours": {"_target_": "some.Class", "root": "nowhere"}}},
        {"root": "{split}/nowhere", "split": "train"},
    ],
)
def test_a_path_that_is_not_there(node: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = refused(node)
    assert said.startswith("train.")
    assert str(tmp_path) in said
    assert said.endswith("does not exist")


def test_names_null_and_what_is_there_are_taken(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    assert not refused({"root": str(tmp_path / "{split}"), "split": "train"})
    assert not refused({"root": None, "weights": "COCO_V1", "cfg": {"_target_": "some.function", "file": "a.cfg"}})


def test_what_stands_for_another_key_is_left_to_that_key() -> None:
    node = {"_target_": "some.Class", "root": "nowhere"}
    written = {"data": {"_target_": "some.Class", "train": "${train}", "root": "${recorded_set:root}"}}
    resolved = {"data": {"_target_": "some.Class", "train": node, "root": "nowhere"}}
    refuse_missing_paths(written, resolved)
    with pytest.raises(ValueError, match=r"^train\.root: "):
        refuse_missing_paths({**written, "train": node}, {**resolved, "train": node})


@pytest.mark.parametrize("node", [{"source": "nowhere"}, {"ckpt": "nowhere"}, {"weights": "nowhere.safetensors"}])
def test_paths_of_a_run(node: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"^{next(iter(node))}: .*nowhere"):
        refuse_missing_paths(node, node)
    refuse_missing_paths({"label_source": node}, {"label_source": node})
