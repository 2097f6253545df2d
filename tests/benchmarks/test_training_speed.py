import pytest

from benchmarks.training_speed import measure


def test_a_step_is_timed_beside_its_floor_and_by_parts() -> None:
    small = ["train.size=4", "val.size=2", "resolution=64", "batch_size=2"]
    row = measure(["+experiment=quick", "data@train=shapes", *small], rounds=2, block=1)
    assert (row["batch"], row["resolution"], row["val_images"]) == (2, 64, 2) and row["val_s"] > 0
    assert row["step_ms"] > row["floor_ms"] > 0 and row["ratio"] == pytest.approx(row["step_ms"] / row["floor_ms"], 0.1)
    assert {"augmentations", "data", "loss block", "loss decoded", "optimizer"} <= row["parts_ms"].keys()
    assert min(row["parts_ms"].values()) >= 0
