import multiprocessing
import os
import platform
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable

import pytest
import torch
from torch.multiprocessing import spawn
from torch.multiprocessing.spawn import ProcessRaisedException

from diode_pl.numerics.processes import reraise_process_errors

ERRORS = {
    "built in": lambda: ValueError("resolution: 33\nmust be a multiple of 32"),
    "library": lambda: subprocess.SubprocessError("of a library"),
    "memory": lambda: torch.OutOfMemoryError("of the device"),
    "told": lambda: RuntimeError("Caught ValueError in a worker.\nOriginal Traceback:\n  File\nValueError: deep"),
    "bare": lambda: AssertionError(),
    "infinite": lambda: FloatingPointError("the loss is inf"),
}


def fail(rank: int, kind: str) -> None:
    try:
        raise ValueError("an earlier one")
    except ValueError as earlier:
        raise ERRORS[kind]() from earlier


def fail_on_the_way(rank: int, kind: str) -> None:
    try:
        raise ValueError("an earlier one")
    except ValueError:
        raise ERRORS[kind]()  # noqa: B904


def report(function: Callable[..., None], kind: str) -> None:
    """Raises what torch makes of an error in a process, without starting one, which takes seconds."""
    try:
        function(0, kind)
    except Exception:
        text = f"\n\n-- Process 0 terminated with the following error:\n{traceback.format_exc()}"
    raise ProcessRaisedException(text, 0, 1)


def test_an_error_of_a_process_is_raised_as_it_was_there() -> None:
    with pytest.raises(ValueError, match=r"^resolution: 33\nmust be a multiple of 32$"), reraise_process_errors():
        spawn(fail, ("built in",))


def test_an_error_of_another_kind_keeps_its_traceback() -> None:
    # Not the ValueError that it came of.
    with pytest.raises(ProcessRaisedException, match="of a library"), reraise_process_errors():
        report(fail_on_the_way, "library")


@pytest.mark.parametrize("function", [fail, fail_on_the_way])
@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        ("built in", ValueError, r"^resolution: 33\nmust be a multiple of 32$"),
        ("told", ProcessRaisedException, "Caught ValueError"),
        ("bare", ProcessRaisedException, "AssertionError"),
        ("infinite", FloatingPointError, "^the loss is inf$"),
        ("memory", ProcessRaisedException, "of the device"),
    ],
)
def test_the_last_error_counts(function: Callable[..., None], kind: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said), reraise_process_errors():
        report(function, kind)


def test_an_error_of_this_process_goes_through() -> None:
    with pytest.raises(OSError, match="full"), reraise_process_errors():
        raise OSError("full")


FAULTS = """
import resource, torch
from diode_pl.numerics.processes import keep_freed_memory
{}
def work():
    for _ in range(20):
        torch.ones(2**24)
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(call: str, **settings: str) -> int:
    """Pages that the system had to hand out for 20 tensors of 64 MiB, after as many before."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command = [sys.executable, "-c", FAULTS.format(call)]
    return int(subprocess.run(command, env=environment | settings, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a matter of glibc")
def test_large_tensors_reuse_memory() -> None:
    without = faults("")
    assert faults("keep_freed_memory()") < without / 10
    assert faults("keep_freed_memory()", MALLOC_ARENA_MAX="2") > without / 2, "the user's settings stay"


def end(rank: int, how: str) -> None:
    """The first process ends in some way, the others wait for it."""
    if rank:
        time.sleep(600)
    if how == "signal":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.exit(143)


@pytest.mark.parametrize(
    ("how", "error", "said"), [("signal", ChildProcessError, "SIGKILL; the system kills"), ("code", SystemExit, "143")]
)
def test_no_process_waits_for_one_that_is_gone(how: str, error: type[BaseException], said: str) -> None:
    began = time.monotonic()
    with pytest.raises(error, match=said), reraise_process_errors():
        spawn(end, (how,), nprocs=2)
    assert time.monotonic() - began < 60


def test_the_end_of_this_process_ends_those_it_started() -> None:
    with pytest.raises(SystemExit), reraise_process_errors():
        child = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,))
        child.start()
        raise SystemExit(143)
    assert child.exitcode == -signal.SIGTERM


def test_a_process_whose_peer_is_gone_says_so() -> None:
    with pytest.raises(ChildProcessError, match="another process of this run has ended"), reraise_process_errors():
        raise RuntimeError("[/gloo/transport/tcp/pair.cc:554] Connection closed by peer [127.0.0.1]:1234")
