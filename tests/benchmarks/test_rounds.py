import time
from types import SimpleNamespace

import pytest

from benchmarks.rounds import Rounds, compose_run


def test_blocks_of_steps_and_of_floors_take_turns() -> None:
    floors = []

    def run_floor(batch: object) -> None:
        floors.append(batch)
        time.sleep(0.01)

    taken = Rounds(run_floor, lambda watch: None, first=1, rounds=2, block=3)
    trainer = SimpleNamespace(callbacks=[taken])
    for step in range(taken.total):
        taken.on_train_batch_start(trainer, None, step, step)
        time.sleep(0.05 if step == 0 else 0.02)
        taken.on_train_batch_end(trainer, None, None, step, step)
    assert taken.total == 12, "one, two to warm up, two blocks and that of the parts"
    assert floors == [2, 5, 5, 5, 8, 8, 8], "on the batch of the last step, after one to warm up"
    row = taken.row()
    assert row["first_ms"] == pytest.approx(50, rel=0.3) and row["step_ms"] == pytest.approx(20, rel=0.3)
    assert row["floor_ms"] == pytest.approx(10, rel=0.3) and row["ratio"] == pytest.approx(2, rel=0.4)
    assert row["parts_ms"]["framework"] == pytest.approx(20, rel=0.3)


def test_words_are_those_of_the_entry_points() -> None:
    config = compose_run("train", ["+experiment=quick", "batch_size=4"])
    assert config.data.batch_size == 4 and config.optimizer.lr == 0.016 and config.callbacks.progress is None
