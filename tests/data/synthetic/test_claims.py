"""Batches that several processes take one by one."""

import operator
from pathlib import Path

import pytest

from diode_pl.data.synthetic import Claims, Team, claims
from tests.io.process_ids import elsewhere, gone


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.setattr(claims, "_PAUSE", 0.01)
    made = Team(tmp_path)
    made.place.mkdir()
    return made


def test_two_share_what_is_to_do_each_batch_once(team: Team) -> None:
    written = set[int]()
    first, second = (Claims(team, range(5), written.__contains__) for _ in range(2))
    one, other = next(first), next(second)
    assert (one, other) == (0, 1) and operator.length_hint(first) == 4
    written |= {0, 1}
    assert (next(second), next(first)) == (2, 3)
    written |= {2, 3}
    assert next(first) == 4
    written.add(4)
    assert list(first) == list(second) == [] and not list(team.place.iterdir())


def test_the_batch_of_a_process_that_is_gone_is_taken_over(team: Team) -> None:
    team.claim(1).path.write_text(f"{gone()} 0\n")
    assert list(Claims(team, range(3), lambda _: False)) == [0, 1, 2]


def test_it_waits_for_others_and_ends_when_they_have_written(
    team: Team, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    team.claim(0).path.write_text(f"{elsewhere()} 0\n")
    written, naps = set[int](), []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            written.add(0)

    monkeypatch.setattr("time.sleep", sleep)
    assert list(Claims(team, range(2), written.__contains__)) == [1]
    assert len(naps) == 3 and "waiting for batches that other processes make: 0" in caplog.text


def test_what_another_gives_up_is_made_in_the_end(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Claims(team, [0], lambda _: False)
    assert next(other) == 0
    monkeypatch.setattr("time.sleep", lambda _: other.close())
    assert list(Claims(team, range(3), lambda _: False)) == [1, 2, 0]


def test_a_batch_that_is_given_back_is_free_at_once(team: Team) -> None:
    one = Claims(team, [0], lambda _: False)
    assert next(one) == 0
    one.close()
    assert next(Claims(team, [0], lambda _: False)) == 0


def test_taking_a_batch_does_not_look_at_all_others(team: Team) -> None:
    looked: list[int] = []
    many = Claims(team, range(100_000), lambda batch: bool(looked.append(batch)))
    assert [next(many) for _ in range(3)] == [0, 1, 2] and len(looked) == 6
