import os
import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, torch
from diode_pl.numerics.malloc import keep_freed_memory
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
