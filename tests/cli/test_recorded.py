"""A training on a synthetic set takes teacher, classes and resolution from its record."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from PIL import Image
from safetensors.torch import save_file

from diode_pl.cli import load_recorded_rules, load_recorded_teacher
from diode_pl.data.synthetic import SyntheticSet
from diode_pl.detector.loading import load_detector
from tests.command_line import ROOT
from tests.data.batches import finished
from tests.tiny_network import NAMES, tiny_network


@pytest.fixture
def synthetic_set(tmp_path: Path) -> Path:
    """Images of 16 pixels made from the tiny network, by a run that named its files relative to its folder."""
    teacher = tiny_network(tmp_path / "weights")
    paths = {key: str(tmp_path / "weights" / f"tiny.{key}") for key in ("cfg", "weights", "names")}
    config = {"_target_": "diode_pl.detector.Darknet", **paths}
    settings = {"teacher": config, "teacher_sha256": teacher.fingerprint()}
    written = SyntheticSet(tmp_path / "set", NAMES, settings)
    written.write(finished())
    written.finish()
    return tmp_path / "set"


def compose_training(*overrides: str) -> Any:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("train", overrides=list(overrides))


def test_teacher_classes_and_resolution_are_those_of_the_set(synthetic_set: Path) -> None:
    config = compose_training(f"train.root={synthetic_set}", "detector@student=yolov3_tiny", "student.cfg.width=0.05")
    assert config.resolution == 16 == config.train.resolution
    teacher = instantiate(config.teacher, _convert_="object")
    assert teacher.fingerprint() == tiny_network(synthetic_set.parent / "weights").fingerprint()
    module = instantiate(compose_training(*_small(synthetic_set)).distillation, _convert_="object")
    assert module.teacher.fingerprint() == teacher.fingerprint()
    assert module.student.class_names == NAMES and module.student.eval()(_images(module)).heads[0].shape[-1] == 5 + len(
        NAMES
    )


@pytest.mark.parametrize("experiment", [[], ["+experiment=train/quick"]])
def test_the_student_is_by_default_the_network_of_the_teacher(synthetic_set: Path, experiment: list[str]) -> None:
    config = compose_training(*experiment, f"train.root={synthetic_set}", "data@val=none", "resolution=32")
    module = instantiate(config.distillation, _convert_="object")
    own, teachers = module.student.state_dict(), module.teacher.state_dict()
    assert {name: value.shape for name, value in own.items()} == {name: value.shape for name, value in teachers.items()}
    assert module.student.fingerprint() != module.teacher.fingerprint() and module.student.provenance is None


def test_an_explicit_choice_wins(synthetic_set: Path) -> None:
    chosen = compose_training(*_small(synthetic_set), "resolution=64", "student.names=[dog]")
    assert chosen.train.resolution == 64
    assert instantiate(chosen.distillation, _convert_="object").student.class_names == ("dog",)


def test_a_union_has_teacher_and_resolution_of_its_first_synthetic_set(synthetic_set: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "photos" / "a.png")
    photos = ["data@train.sets.ours=image_folder", f"train.sets.ours.root={tmp_path / 'photos'}"]
    ours = ["data@train.sets.public=synthetic", f"train.sets.public.root={synthetic_set}"]
    union = compose_training("data@train=union", *photos, *ours)
    assert union.train.sets.ours.resolution == union.train.sets.public.resolution == 16
    assert union.teacher.root == str(synthetic_set) and union.teacher.split is None
    weights = ["train.weights.ours=3.0", "+data@train.sets.more=noise", "+train.weights.more=0.5"]
    small = ["data@train=union", *photos, *ours, *weights, *_small(synthetic_set)[1:]]
    module = instantiate(compose_training(*small).distillation, _convert_="object")
    assert module.teacher.fingerprint() == tiny_network(synthetic_set.parent / "weights").fingerprint()
    parts = {part.name: part.weight for part in map(module.data.train.part, range(len(module.data.train)))}
    assert parts == {"ours": 3.0, "public": 1.0, "more": 0.5}
    with pytest.raises(Exception, match="teacher: its weights have the fingerprint"):
        instantiate(compose_training(*small, "detector@teacher=yolov3_tiny_shapes").distillation, _convert_="object")
    bare = compose_training("data@train=union", *photos, "train.sets.public=null")
    assert bare.resolution == 160 and bare.teacher.root == str(tmp_path / "photos")


def test_another_teacher_is_refused_unless_allowed(synthetic_set: Path, unchecked: None) -> None:
    tiny_network(synthetic_set.parent / "other", seed=1)
    other = [f"teacher.weights={synthetic_set.parent / 'other' / 'tiny.weights'}"]
    with pytest.raises(Exception, match="teacher: its weights have the fingerprint [0-9a-f]{12}, .* made from"):
        instantiate(compose_training(*_small(synthetic_set), *other).distillation, _convert_="object")
    allowed = compose_training(*_small(synthetic_set), *other, "train.check_teacher=false")
    assert instantiate(allowed.distillation, _convert_="object").teacher is not None


def test_a_file_that_was_moved_is_named_anew(synthetic_set: Path) -> None:
    weights, moved = synthetic_set.parent / "weights" / "tiny.weights", synthetic_set.parent / "moved.weights"
    weights.rename(moved)
    with pytest.raises(ValueError, match="cannot be loaded: weights: .* does not exist. teacher.weights=FILE says"):
        load_recorded_teacher(synthetic_set)
    assert load_recorded_teacher(synthetic_set, weights=moved).class_names == NAMES


def test_generated_images_have_the_embedded_detector() -> None:
    assert load_recorded_teacher(None).fingerprint() == load_detector(weights="embedded").fingerprint()
    config = compose_training("data@train=shapes")
    assert config.resolution == 160 and OmegaConf.select(config, "teacher.root") is None


@pytest.mark.parametrize("record", [None, "{", "[]", '{"data_access": "teacher-only"}'])
def test_a_folder_without_a_record_asks_for_a_teacher(record: str | None, tmp_path: Path) -> None:
    if record is not None:
        (tmp_path / "dataset.json").write_text(record)
    with pytest.raises(ValueError, match=r"^train.root: .*does not record.*detector@teacher=NAME chooses one"):
        load_recorded_teacher(tmp_path)
    assert compose_training(f"train.root={tmp_path}").resolution == 160


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^train.root: .*/nowhere does not exist$"):
        load_recorded_teacher(tmp_path / "nowhere")


def test_relative_paths_are_recorded_as_absolute_ones(synthetic_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(synthetic_set.parent)
    config = {"cfg": "weights/tiny.cfg", "names": ["cat", "dog"], "nested": {"weights": "weights/tiny.weights"}}
    written = SyntheticSet("again", NAMES, {"teacher": config})
    written.write(finished())
    written.finish()
    found = json.loads(Path("again", "dataset.json").read_text())["teacher"]["config"]
    folder = synthetic_set.parent / "weights"
    assert found == {
        "cfg": f"{folder}/tiny.cfg",
        "names": ["cat", "dog"],
        "nested": {"weights": f"{folder}/tiny.weights"},
    }


def _small(folder: Path) -> list[str]:
    student = ["detector@student=yolov3_tiny", "student.cfg.width=0.05"]
    return [f"train.root={folder}", "data@val=none", "resolution=32", "distill=decoded", *student]


def _images(module: Any) -> Any:
    return torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(len(module.student.class_names)))


def test_the_rules_of_a_set_are_those_that_it_was_made_with(tmp_path: Path) -> None:
    rules = {"saturation": {"_target_": "diode_pl.data.accept.Saturation", "most": 0.25}, "batch_norm": None}
    (tmp_path / "plan.json").write_text(json.dumps({"configuration": {"accept": rules}}))
    loaded = load_recorded_rules(tmp_path)
    assert loaded["saturation"].most == 0.25 and loaded["batch_norm"] is None


@pytest.mark.parametrize("content", ["", "{}", '{"configuration": {}}', '{"configuration": {"accept": 3}}'])
def test_a_set_without_recorded_rules_has_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "plan.json").write_text(content)
    assert load_recorded_rules(tmp_path) == {} == load_recorded_rules(tmp_path / "none")


@pytest.mark.parametrize("schedule", ["fp_statistics_first", "fp_single", "single"])
def test_images_have_the_resolution_that_their_teacher_was_trained_at(tmp_path: Path, schedule: str) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "teacher.safetensors", {"resolution": "96"})
    save_file({"a": torch.zeros(1)}, tmp_path / "silent.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"not weights")

    def sides(*overrides: str) -> set[int]:
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            config = compose("synthesize", overrides=[f"schedule={schedule}", *overrides])
        return {stage.resolution for stage in config.schedule.stages}

    assert sides(f"teacher.weights={tmp_path / 'teacher.safetensors'}") == {96}
    assert 64 in sides(f"teacher.weights={tmp_path / 'teacher.safetensors'}", "schedule.stages.0.resolution=64")
    for unknown in ("silent.safetensors", "bad.safetensors", "missing.safetensors", "other.pt"):
        assert sides(f"teacher.weights={tmp_path / unknown}") == {160}
    assert sides() == {160}, "the embedded teacher"
