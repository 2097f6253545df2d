import pytest

from diode_pl.io.run_config import FREE_IN_TRAINING, differences


def test_like_configurations_do_not_differ() -> None:
    some = {"seed": 0, "schedule": {"stages": [{"resolution": 160}, {"resolution": 320}]}, "sampler": None}
    assert differences(some, some) == []


def test_differences_are_named_by_their_dotted_key() -> None:
    old = {"seed": 0, "schedule": {"stages": [{"resolution": 160}, {"resolution": 320}]}}
    new = {"seed": 1, "schedule": {"stages": [{"resolution": 160}, {"resolution": 352}]}}
    assert differences(old, new) == [("schedule.stages.1.resolution", 320, 352), ("seed", 0, 1)]


def test_what_only_one_side_has_differs() -> None:
    assert differences({"a": {"b": 1}}, {"a": {"c": 2}}) == [("a.b", 1, None), ("a.c", None, 2)]


def test_empty_and_absent_are_the_same() -> None:
    assert differences({"augmentations": {}, "x": []}, {}) == []


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
    assert differences({}, free) == []


@pytest.mark.parametrize(
    "bound", [{"trainer": {"precision": "bf16"}}, {"callbacks": {"verifier": {"every": 1}}}], ids=str
)
def test_what_changes_images_or_scores_is_not(bound: dict) -> None:
    assert len(differences({}, bound)) == 1


@pytest.mark.parametrize(
    "free",
    [
        {"output_dir": "b", "fit": False, "ckpt": "a.ckpt", "max_bad": 50},
        {"train": {"max_bad": 50}},
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
    assert differences({}, free, FREE_IN_TRAINING) == []


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
    assert len(differences({}, bound, FREE_IN_TRAINING)) >= 1
