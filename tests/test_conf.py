"""Every configuration composes and builds what it names."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import OmegaConf

from tests.tiny_network import write_tiny_network

CONF = Path(__file__).resolve().parents[1] / "conf"
GROUPS = ["sampler", "schedule", "initializer", "augmentations", "losses", "callbacks", "trainer", "logger"]


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def composed(*overrides: str):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("synthesize", overrides=list(overrides), return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    return config


@pytest.mark.parametrize("detector", options("detector"))
def test_every_detector_composes_as_teacher_and_verifier(detector):
    config = composed(f"detector@teacher={detector}", f"detector@verifier={detector}")
    assert config.inversion.teacher == config.teacher
    assert config.callbacks.verifier.detector == config.verifier


@pytest.mark.parametrize(("group", "option"), [(g, o) for g in GROUPS for o in options(g)])
def test_every_option_builds_its_objects(group, option, tmp_path):
    given = {"labels": "sampler.path", "images": "initializer.folder"}
    extra = [f"{given[option]}={tmp_path / 'given.json'}"] if option in given else []
    (tmp_path / "given.json").write_text('{"images": [], "annotations": [], "categories": []}')
    overrides = [f"{group}={option}", "detector@verifier=none", "hydra.runtime.output_dir=" + str(tmp_path), *extra]
    config = composed(*write_tiny_network(tmp_path), *overrides)
    built = instantiate(config.inversion, _convert_="object")
    assert built.teacher.class_names == ("cat", "dog")
    instantiate(config.trainer, _convert_="object")


REMOVABLE = [("losses", name) for name in composed().losses] + [("augmentations", n) for n in composed().augmentations]


@pytest.mark.parametrize(("group", "name"), REMOVABLE)
def test_every_loss_and_augmentation_can_be_removed(group, name, tmp_path):
    config = composed(*write_tiny_network(tmp_path), f"{group}.{name}=null")
    inversion = instantiate(config.inversion, _convert_="object")
    assert len(getattr(inversion, group)) == len(config[group]) - 1


@pytest.mark.parametrize("experiment", options("experiment"))
def test_every_experiment_composes(experiment):
    config = composed(f"+experiment={experiment}")
    assert OmegaConf.to_container(config.schedule, resolve=True)["stages"]


def test_yolo_fp_grows_labels_throws_the_images_away_and_enlarges():
    stages = composed("+experiment=yolo_fp").schedule.stages
    assert [stage.resolution for stage in stages] == [160, 160, 320]
    assert [stage.iterations for stage in stages] == [2800, 2500, 1500]
    assert stages[0].growth is not None and not stages[0].keep_images
    assert stages[1].keep_images and stages[1].growth is None and stages[2].growth is None


def test_stages_losses_and_augmentations_are_open_to_the_command_line():
    config = composed(
        "schedule.stages.0.resolution=96",
        "schedule.stages.0.iterations=7",
        "augmentations.cutout=null",
        "losses.total_variation=null",
        "losses.detection.weight=3",
    )
    assert (config.schedule.stages[0].resolution, config.schedule.stages[0].iterations) == (96, 7)
    assert config.augmentations.cutout is None and config.losses.total_variation is None
    assert config.losses.detection.weight == 3


def test_the_published_settings_are_those_of_the_paper():
    config = composed("+experiment=published")
    weights = {name: loss.weight for name, loss in config.losses.items()}
    assert (weights["total_variation"], weights["batch_norm"], weights["first_batch_norm"]) == (75, 0.1, 2)
    assert config.augmentations.jitter.wrap
    assert config.schedule.stages[0].optimizer._target_.endswith("SignDescent")
    assert config.initializer.std == 1.0
