"""The end by SIGTERM, whatever a process is doing."""

import os
import signal
import subprocess
import sys
import time

import pytest

BEGIN = """
import ctypes, os, sys, threading, time
from diode_pl.numerics import termination
termination.GRACE = 0.5
termination.end_on_sigterm()
termination.end_on_sigterm()
"""
SLEEPS = """
try:
    print("ready", flush=True)
    while True: time.sleep(0.01)
finally:
    print("tidy", flush=True)
"""
# Waits in a library for ever, as a process does for others that are gone: no handler of Python runs.
BLOCKED = """
lock, library = ctypes.create_string_buffer(64), ctypes.CDLL(None)
threading.Timer(1.0, print, ["ready"], {"flush": True}).start()  # while the main thread waits
for _ in range(2): library.pthread_mutex_lock(lock)
"""
SLOW = """
try:
    print("ready", flush=True)
    time.sleep(600)
finally:
    time.sleep(600)
"""
FORKS = """
child = os.fork()
if not child:
    time.sleep(600)
time.sleep(0.3)
os.kill(child, 15)
print("ready", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
time.sleep(1.5)
print("tidy", flush=True)
"""


def start(code: str) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-c", BEGIN + code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline().startswith("ready")
    return process


ENDS = [(SLEEPS, 143, "tidy\n"), (BLOCKED, 1, ""), (SLOW, 1, "")]


@pytest.mark.parametrize(("code", "status", "said"), ENDS, ids=["sleeps", "blocked", "slow"])
def test_a_process_ends_within_seconds_with_another_code_than_0(code: str, status: int, said: str) -> None:
    process, began = start(code), time.monotonic()
    process.send_signal(signal.SIGTERM)
    if code == SLEEPS:
        process.send_signal(signal.SIGTERM)  # what runs at the end is not interrupted
    shown, _ = process.communicate()
    assert (process.returncode, shown) == (status, said) and time.monotonic() - began < 300


def test_the_end_of_a_forked_process_is_not_that_of_its_parent() -> None:
    process = start(FORKS)
    shown, _ = process.communicate()
    assert (process.returncode, shown) == (0, "tidy\n")


def test_without_sigterm_a_process_ends_as_ever() -> None:
    assert subprocess.run([sys.executable, "-c", BEGIN], env=os.environ).returncode == 0
