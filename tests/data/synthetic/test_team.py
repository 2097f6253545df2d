"""Processes that make one set together."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Event, Thread

import pytest

from diode_pl.data.synthetic import Plan, Team
from diode_pl.io import lease
from diode_pl.io.process_id import ProcessId
from tests.data.batches import contents
from tests.io.process_ids import elsewhere, gone

PLAN, NAMES, SETTINGS = Plan(4, 2), ("mug", "key"), {"seed": 0, "num_images": 4}
JOIN = """
import json, sys; from pathlib import Path; from diode_pl.data.synthetic import Plan, Team
folder, images, settings = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
with Team(folder).joined(Plan(images, 2), ["mug", "key"], settings):
    print("joined", flush=True); input()
"""


@contextmanager
def another(folder: Path, images: int = 4, **settings: int) -> Iterator[subprocess.Popen]:
    """Another process that takes part."""
    words = [sys.executable, "-c", JOIN, str(folder), str(images), json.dumps(SETTINGS | settings)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "joined\n"
    try:
        yield process
    finally:
        process.communicate("\n")


def test_one_leaves_nothing_but_the_plan(tmp_path: Path) -> None:
    with Team(tmp_path / "set").joined(PLAN, NAMES, SETTINGS):
        assert len(list((tmp_path / "set" / ".team").iterdir())) == 1
    assert list(contents(tmp_path / "set")) == ["plan.json"] and not (tmp_path / "set" / ".team").exists()
    known = json.loads((tmp_path / "set" / "plan.json").read_text())
    assert known == {"num_images": 4, "batch_size": 2, "class_names": ["mug", "key"], "configuration": SETTINGS}


def test_the_same_joins_and_another_is_refused_by_key_host_and_process(tmp_path: Path) -> None:
    with another(tmp_path) as process:
        with Team(tmp_path).joined(PLAN, NAMES, SETTINGS):
            assert len(Team(tmp_path).others()) == 1
        with (
            pytest.raises(ValueError, match=rf"^folder: process {process.pid} on .*\n  seed: 0 there, 1 now\nChoose"),
            Team(tmp_path).joined(PLAN, NAMES, SETTINGS | {"seed": 1}),
        ):
            pass
        with (
            pytest.raises(ValueError, match=r"\n  num_images: 4 there, 6 now\n"),
            Team(tmp_path).joined(Plan(6, 2), NAMES, SETTINGS | {"num_images": 6}),
        ):
            pass
        assert json.loads((tmp_path / "plan.json").read_text())["configuration"] == SETTINGS
    with Team(tmp_path).joined(Plan(6, 2), NAMES, SETTINGS | {"seed": 1}):  # nobody is there any more
        assert json.loads((tmp_path / "plan.json").read_text())["num_images"] == 6


@pytest.mark.parametrize("seed", [0, 1])
def test_those_that_are_gone_do_not_count_and_leave_nothing(tmp_path: Path, seed: int) -> None:
    with another(tmp_path) as process:
        process.kill()
        process.wait()
        (tmp_path / ".team" / f"{gone()}.member").write_text(f"{gone()} 0\n")
        with Team(tmp_path).joined(PLAN, NAMES, SETTINGS | {"seed": seed}):
            assert len(list((tmp_path / ".team").iterdir())) == 1
        assert not (tmp_path / ".team").exists()


@pytest.mark.parametrize("lives", [True, False])
def test_one_on_another_host_counts_if_it_gives_a_sign_of_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lives: bool
) -> None:
    monkeypatch.setattr(lease, "EXPIRY", 60.0 if lives else 0.5)
    monkeypatch.setattr(lease, "BEAT", 0.1)
    with Team(tmp_path).joined(PLAN, NAMES, SETTINGS):
        pass
    (tmp_path / ".team").mkdir()
    other = elsewhere()
    left = [tmp_path / ".team" / name for name in (f"{other}.member", "000001.batch")]
    for path in left:
        path.write_text(f"{other} 0\n")
    beats = Event()
    beating = Thread(target=lambda: [os.utime(path) for _ in iter(lambda: beats.wait(0.05), True) for path in left])
    if lives:
        beating.start()
    try:
        with (
            pytest.raises(ValueError, match=rf"process {other.pid} on node7 writes.*") if lives else nullcontext(),
            Team(tmp_path).joined(PLAN, NAMES, SETTINGS | {"seed": 1}),
        ):
            assert len(list((tmp_path / ".team").iterdir())) == 1  # only this one
    finally:
        beats.set()
    assert (tmp_path / ".team").exists() == lives


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"num_images": 4, "configuration": 5}'])
def test_a_damaged_plan_is_written_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / "plan.json").write_text(content)
    with Team(tmp_path).joined(PLAN, NAMES, SETTINGS):
        assert json.loads((tmp_path / "plan.json").read_text())["num_images"] == 4


def test_a_folder_that_was_replaced_has_vanished(tmp_path: Path) -> None:
    team = Team(tmp_path / "set")
    with team.joined(PLAN, NAMES, SETTINGS):
        team.require_folder()
        shutil.rmtree(tmp_path / "set")
        (tmp_path / "set" / "images").mkdir(parents=True)
        with pytest.raises(FileNotFoundError, match="^folder: .*set has vanished"):
            team.require_folder()
    assert team.is_here is False and ProcessId.current().words.startswith("process ")
