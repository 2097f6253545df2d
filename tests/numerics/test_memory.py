from pathlib import Path

import pytest
import torch

from diode_pl.numerics.memory import free_memory

CPU = torch.device("cpu")


def describe(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


MEMINFO = {"proc/meminfo": "MemTotal:       4000 kB\nMemFree:        100 kB\nMemAvailable:   3000 kB\n"}


@pytest.mark.parametrize(
    ("group", "free"),
    [
        ({}, 3000 * 1024),
        ({"memory.max": "max\n", "memory.current": "5\n"}, 3000 * 1024),
        ({"memory.max": "1000000\n", "memory.current": "400000\n"}, 600_000),
        ({"memory.max": "1000\n", "memory.current": "4000\n"}, 0),
        ({"memory/memory.limit_in_bytes": "900\n", "memory/memory.usage_in_bytes": "400\n"}, 500),
        ({"memory/memory.limit_in_bytes": str(2**63 - 4096), "memory/memory.usage_in_bytes": "400\n"}, 3000 * 1024),
    ],
    ids=["machine", "no limit", "container", "over it", "older container", "older without limit"],
)
def test_what_is_free_on_a_machine_and_in_a_container(tmp_path: Path, group: dict[str, str], free: int) -> None:
    files = MEMINFO | {f"sys/fs/cgroup/{name}": text for name, text in group.items()}
    assert free_memory(CPU, describe(tmp_path, files)) == free


def test_of_this_machine_it_is_some() -> None:
    assert free_memory(CPU) > 2**20


def test_a_system_that_does_not_tell_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="^batch_size: cpu does not tell .*; state a number$"):
        free_memory(CPU, tmp_path)
