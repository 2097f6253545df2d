"""Memory that is free."""

from pathlib import Path

import torch

# Limit and use of a container or a job, in which a system tells the memory of the whole machine.
_LIMITS = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))


def free_memory(device: torch.device, system: Path = Path("/")) -> int:
    """Bytes that a process can still take: of a GPU, or of the machine, its container or job.

    Args:
        device: of the tensors.
        system: root of the file system.

    Raises:
        ValueError: if the system does not tell.
    """
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        lines = (system / "proc/meminfo").read_text().splitlines()
        known = {name: value for name, _, value in (line.partition(":") for line in lines)}
        free = int(known["MemAvailable"].split()[0]) * 1024
    except (OSError, LookupError, ValueError):
        raise ValueError(f"batch_size: {device.type} does not tell how much memory is free; state a number") from None
    for limit, use in _LIMITS:
        try:
            group = system / "sys/fs/cgroup"
            free = min(free, max(0, int((group / limit).read_text()) - int((group / use).read_text())))
        except (OSError, ValueError):  # no such file, or "max": without a limit
            continue
    return free
