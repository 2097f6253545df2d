"""Who wrote a file, and whether that process is known to be gone."""

import dataclasses
import os
import subprocess
import sys

import pytest

from diode_pl.io.process_id import ProcessId
from tests.io.process_ids import elsewhere, gone


def test_the_text_of_a_process_names_it_and_fits_a_file_name() -> None:
    me = ProcessId.current()
    assert ProcessId.parse(str(me)) == me and me.pid == os.getpid() and me.is_here
    assert "/" not in str(me) and "." not in str(me) and len(str(me)) < 100


@pytest.mark.parametrize("text", ["", "99999999", "vm_x_1", "vm_1", "v m_1_2", "vm_99999999999_1"])
def test_a_text_that_names_no_process_names_none(text: str) -> None:
    assert ProcessId.parse(text) is None


def test_a_running_process_is_not_gone() -> None:
    assert not ProcessId.current().is_gone
    assert not dataclasses.replace(ProcessId.current(), start="").is_gone


def test_a_process_that_ended_is_gone() -> None:
    assert gone().is_gone


def test_a_number_that_another_process_has_now_is_gone() -> None:
    assert dataclasses.replace(ProcessId.current(), start="1").is_gone


def test_nothing_is_known_of_other_hosts() -> None:
    assert not elsewhere().is_gone and not elsewhere().is_here


def test_a_killed_process_whose_parent_has_not_asked_is_gone() -> None:
    code = "from diode_pl.io.process_id import ProcessId; print(ProcessId.current(), flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    found = ProcessId.parse(child.stdout.readline().strip())
    assert found is not None and not found.is_gone
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # waits until it is a zombie, and leaves it one
    assert found.is_gone
    child.communicate()
