import time

import pytest

from benchmarks.stopwatch import Stopwatch


def test_a_part_that_calls_another_does_not_count_its_seconds() -> None:
    watch = Stopwatch()
    inner = watch.timed("inner", lambda: time.sleep(0.03))

    def work() -> str:
        time.sleep(0.01)
        inner()
        return "done"

    outer = watch.timed("outer", work)
    assert outer() == "done" and not watch.seconds, "only while it runs"
    watch.running = True
    assert [outer(), outer()] == ["done", "done"]
    assert watch.seconds == pytest.approx({"inner": 0.06, "outer": 0.02}, abs=0.015)


def test_an_attribute_is_replaced() -> None:
    class Owner:
        def double(self, number: int) -> int:
            return 2 * number

    watch, owner = Stopwatch(), Owner()
    watch.running = True
    watch.wrap(owner, "double", "part")
    assert owner.double(4) == 8 and set(watch.seconds) == {"part"}
