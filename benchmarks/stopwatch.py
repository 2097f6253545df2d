"""Seconds that parts of a program take, measured by wrapping what they call."""

import resource
import time
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from typing import Any

import torch


class Stopwatch:
    """Adds up seconds by part; a part that calls another does not count the other's.

    Attributes:
        running: whether calls are measured; others pass through.
        seconds: by part.

    Example:
        >>> watch = Stopwatch()
        >>> watch.running, slow = True, watch.timed("sleep", time.sleep)
        >>> slow(0.01)
        >>> watch.seconds["sleep"] > 0.009
        True
    """

    def __init__(self) -> None:
        self.running = False
        self.seconds: dict[str, float] = defaultdict(float)
        self._open = list[str]()
        self._since = 0.0

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Returns ``function``, its seconds added to ``part``."""

        @wraps(function)
        def measured(*args: Any, **options: Any) -> Any:
            if not self.running:
                return function(*args, **options)
            self._switch()
            self._open.append(part)
            try:
                return function(*args, **options)
            finally:
                self._switch()
                self._open.pop()

        return measured

    def wrap(self, owner: Any, name: str, part: str) -> None:
        """Replaces an attribute of an object, which is called, by one that is timed."""
        setattr(owner, name, self.timed(part, getattr(owner, name)))

    def _switch(self) -> None:
        now = read_clock()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now


def read_clock() -> float:
    """Seconds, after all work on the accelerator has ended."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def peak_memory() -> float:
    """GiB: of the GPU where there is one, else of the process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
