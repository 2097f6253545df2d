"""An evaluation reads training images only to find those that were held out."""

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from tests.command_line import ROOT


def data(*overrides: str) -> dict:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("train", overrides=["task=evaluate", *overrides])
    return OmegaConf.to_container(config.data, resolve=True)


def test_training_images_are_read_where_some_are_held_out() -> None:
    held = data("data@train=voc", "train.root=a", "train.limit=9", "data@val=held_out", "val.fraction=0.3")
    assert held["train"]["root"] == "a" and held["train"]["limit"] == 9
    assert (held["val"]["fraction"], held["val"]["seed"]) == (0.3, 0)
    assert data("data@train=voc", "train.root=a")["train"] is None
