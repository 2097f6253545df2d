"""Names and tags of runs."""

import json
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig

from diode_pl.cli.conf import CONF
from diode_pl.cli.run_card import name_run, tag_detectors


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ([], "synthesize"),
        (["seed=0", "sampler=onebox", "output_dir=a", "logger=wandb", "logger.wandb.offline=true"], "synthesize"),
        (["trainer.accelerator=cpu", "trainer.devices=2", "shard.index=1", "callbacks.progress=null"], "synthesize"),
        (["+experiment=synthesize/demo", "seed=3"], "experiment=demo,seed=3"),
        (["sampler=scene", "trainer.precision=bf16-mixed"], "sampler=scene,trainer.precision=bf16-mixed"),
        (["detector@teacher=yolov3", "losses.batch_norm=null"], "detector@teacher=yolov3,losses.batch_norm=null"),
    ],
)
def test_a_run_is_called_by_what_differs_from_the_defaults(words: list[str], name: str) -> None:
    assert name_run(words, "synthesize") == name


def tags(*overrides: str) -> list[str]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=list(overrides), return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    return tag_detectors(config.hydra.runtime.choices, config)


def test_tags_are_the_options_of_the_detectors() -> None:
    assert tags("detector@teacher=yolov3") == ["teacher=yolov3", "student=like_teacher"]
    assert tags("detector@teacher=none") == ["student=like_teacher"]


def test_weights_say_more_than_an_option_that_takes_any(tmp_path: Path) -> None:
    given = ["detector@teacher=file", "teacher.weights=runs/a/student.safetensors"]
    assert tags(*given)[0] == "teacher=runs/a/student.safetensors"
    for weights, name in (({"name": "yolov3_tiny_shapes.safetensors"}, "yolov3_tiny_shapes"), ("/w/my.pt", "/w/my.pt")):
        record = {"data_access": "teacher-only", "teacher": {"config": {"weights": weights}}}
        (tmp_path / "dataset.json").write_text(json.dumps(record))
        assert tags(f"train.root={tmp_path}")[0] == f"teacher={name}"
    assert tags(f"train.root={tmp_path / 'nowhere'}")[0] == "teacher=recorded"


def test_the_loggers_get_them() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        words = ["logger=[wandb,tensorboard]", "num_images=8", "hydra.runtime.output_dir=x"]
        config = compose("synthesize", overrides=words, return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    assert config.logger.wandb.name == config.logger.tensorboard.title == "num_images=8"
    assert config.logger.wandb.group is None and list(config.logger.wandb.tags) == ["teacher=yolov3_tiny_shapes"]
