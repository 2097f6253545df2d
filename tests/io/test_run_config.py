from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from diode_pl.io.run_config import FREE, FREE_IN_TRAINING, OF_EARLIER_VERSIONS, compare_configs

CONF = Path(__file__).resolve().parents[2] / "conf"


def stands(key: str, config: Any) -> bool:
    """Whether a dotted key stands in a config, in what it repeats of another part too."""
    for part in key.split("."):
        if isinstance(config, str) and config.startswith("${"):
            return True
        if not isinstance(config, dict) or part not in config:
            return False
        config = config[part]
    return True


def test_like_configurations_do_not_differ() -> None:
    some = {"seed": 0, "schedule": {"stages": [{"resolution": 160}, {"resolution": 320}]}, "sampler": None}
    assert compare_configs(some, some) == []


def test_differences_are_named_by_their_dotted_key() -> None:
    old = {"seed": 0, "schedule": {"stages": [{"resolution": 160}, {"resolution": 320}]}}
    new = {"seed": 1, "schedule": {"stages": [{"resolution": 160}, {"resolution": 352}]}}
    assert compare_configs(old, new) == [("schedule.stages.1.resolution", 320, 352), ("seed", 0, 1)]


def test_what_only_one_side_has_differs() -> None:
    assert compare_configs({"a": {"b": 1}}, {"a": {"c": 2}}) == [("a.b", 1, None), ("a.c", None, 2)]


def test_folders_of_earlier_versions_can_be_resumed() -> None:
    # Parts of records that earlier versions wrote, and of the same runs now.
    old = {
        "balance": {"_target_": "diode_pl.balance.Gradient", "steps": 30},
        "losses": {"batch_norm": {"form": "standardised"}, "first_batch_norm": {"form": "published"}},
        "teacher": {"weights": {"_target_": "diode_pl.assets.weights", "name": "teacher_shapes.safetensors"}},
        "verifier": {"weights": {"_target_": "diode_pl.assets.weights", "name": "verifier_shapes.safetensors"}},
    }
    new = {
        "loss_weighting": {"_target_": "diode_pl.synthesis.loss_weighting.GradientShares", "steps": 30},
        "losses": {"batch_norm": {"form": "standardized"}, "first_batch_norm": {"form": "paper"}},
        "teacher": {"weights": {"_target_": "diode_pl.assets.asset", "name": "yolov3_tiny_shapes.safetensors"}},
        "verifier": {"weights": {"_target_": "diode_pl.assets.asset", "name": "yolov3_res_shapes.safetensors"}},
    }
    assert compare_configs(old, new) == []
    assert compare_configs(old, new | {"loss_weighting": {"steps": 9}}) == [("loss_weighting.steps", 30, 9)]
    old = {
        "job": {"_target_": "diode_pl.training.train", "distillation": {"iou": 0.6}, "fit": True, "tiled": 0},
        "fit": True,
        "tiled": 0,
        "recipe": {"burn_in_epochs": 3.0, "burn_in_steps": 500, "burn_in_momentum": 0.9},
        "train": {"labelled": True, "data_access": "noise"},
        "distill": {"dicod": {"localisation": 0.15, "kd_loc_warmup_steps": 0, "reduction": "released"}},
        "crops": {"colour": 0.2},
    }
    new = {
        "task": {"_target_": "diode_pl.distillation.jobs.distill", "_partial_": True},
        "recipe": {"warmup_epochs": 3.0, "warmup_steps": 500, "warmup_momentum": 0.9},
        "train": {"labeled": True, "provenance": "noise"},
        "distill": {"dicod": {"localization": 0.15, "localization_warmup_steps": 0, "reduction": "paper_code"}},
        "crops": {"color": 0.2},
    }
    assert compare_configs(old, new, FREE_IN_TRAINING) == []
    changed = compare_configs(old, new | {"train": {"labeled": False, "provenance": "noise"}}, FREE_IN_TRAINING)
    assert changed == [("train.labeled", True, False)]


def test_a_key_below_a_group_keeps_its_name() -> None:
    assert compare_configs({"fkd": {"balance": 1.0}}, {"fkd": {"balance": 2.0}}) == [("fkd.balance", 1.0, 2.0)]


def test_empty_and_absent_are_the_same() -> None:
    assert compare_configs({"augmentations": {}, "x": []}, {}) == []


def test_a_class_that_moved_is_the_same_and_another_library_s_is_not() -> None:
    old = {"recipe": {"_target_": "diode_pl.recipe.Recipe", "final_lr": 0.05}}
    new = {"recipe": {"_target_": "diode_pl.training.optim.Recipe", "_partial_": False, "final_lr": 0.05}}
    assert compare_configs(old, new) == []
    network = "torchvision.models.detection"
    old, new = ({"net": {"_target_": f"{network}.{name}"}} for name in ("ssd300_vgg16", "fcos_resnet50_fpn"))
    assert compare_configs(old, new) == [("net._target_", f"{network}.ssd300_vgg16", f"{network}.fcos_resnet50_fpn")]


def test_every_free_key_is_one_of_a_config() -> None:
    commands = [("synthesize", []), ("train", ["distill=dicod_classifier", "callbacks=train"])]
    commands += [("train", ["task=classify", "data@val=yolo"])]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        configs = [OmegaConf.to_container(compose(*command), resolve=False) for command in commands]
    made = {"overrides"} | OF_EARLIER_VERSIONS  # the entry points add it
    names = [key for key in (FREE | FREE_IN_TRAINING) - made if not any(stands(key, config) for config in configs)]
    assert not names


@pytest.mark.parametrize(
    "free",
    [
        {"num_images": 5},
        {"output_dir": "b"},
        {"inversion": {"num_images": 5}},
        {"logger": {"csv": {"save_dir": "b"}}},
        {"trainer": {"devices": 4}},
        {"callbacks": {"progress": {"refresh": 1}}},
    ],
    ids=str,
)
def test_what_does_not_change_the_images_is_free(free: dict) -> None:
    assert compare_configs({}, free) == []


@pytest.mark.parametrize(
    "bound", [{"trainer": {"precision": "bf16"}}, {"callbacks": {"verifier": {"every": 1}}}], ids=str
)
def test_what_changes_images_or_scores_is_not(bound: dict) -> None:
    assert len(compare_configs({}, bound)) == 1


@pytest.mark.parametrize(
    "free",
    [
        {"output_dir": "b", "ckpt": "a.ckpt", "max_bad": 50},
        {"train": {"max_bad": 50, "partial": True}},
        {"data": {"workers": 4, "cache_gib": 8.0, "train": {"root": "a"}, "batch_size": 9, "seed": 2}},
        {"distillation": {"log_every": 5, "student": {"weights": None}, "losses": {"mimic": 1}}},
        {"distillation": {"label_source": {"source": "teacher"}}},
        {"distill": {"dicod": {"classifier": {"weights": "elsewhere.safetensors"}}}},
        {"trainer": {"devices": 2, "max_epochs": 9, "callbacks": {"ema": 1}, "logger": {"csv": 1}}},
        {"callbacks": {"progress": {"refresh_rate": 1}}},
        {"logger": {"csv": {"save_dir": "b"}}},
    ],
    ids=str,
)
def test_what_does_not_change_the_student_is_free(free: dict) -> None:
    assert compare_configs({}, free, FREE_IN_TRAINING) == []


@pytest.mark.parametrize(
    "bound",
    [
        {"data": {"mosaic": 0.5}},
        {"data": {"multi_scale": [128, 192]}},
        {"data": {"steps_per_epoch": 100}},
        {"distillation": {"iou": 0.5}},
        {"distillation": {"confidence": 0.01}},
        {"train": {"root": "a"}},
        {"batch_size": 9},
        {"seed": 2},
        {"distill": {"mimic": {"weight": 2.0}}},
        {"callbacks": {"ema": {"multi_avg_fn": {"decay": 0.99}}}},
        {"optimizer": {"lr": 0.1}},
        {"recipe": {"final_lr": 0.1}},
        {"teacher_sha256": "abc"},
        {"distill_sha256": {"dicod": "abc"}},
        {"label_source": {"source": "teacher"}},
        {"trainer": {"precision": "bf16-mixed"}},
        {"trainer": {"gradient_clip_val": 1.0}},
    ],
    ids=str,
)
def test_what_changes_the_student_or_its_scores_is_not(bound: dict) -> None:
    assert len(compare_configs({}, bound, FREE_IN_TRAINING)) >= 1
