import pytest

from benchmarks.synthesis_speed import measure


def test_an_iteration_is_timed_beside_its_floor_and_by_parts() -> None:
    row = measure(["batch_size=2", "schedule.stages.0.resolution=64"], rounds=2, block=1)
    assert row["first_ms"] > row["step_ms"] / 2
    assert (row["batch"], row["resolution"], row["precision"]) == (2, 64, "32-true")
    assert row["step_ms"] > row["floor_ms"] > 0 and row["ratio"] == pytest.approx(row["step_ms"] / row["floor_ms"], 0.1)
    parts = row["parts_ms"]
    assert {"augmentations", "backward", "loss detection", "optimizer", "statistics", "teacher forward"} <= parts.keys()
    assert parts["framework"] > 0 and min(parts.values()) >= 0
