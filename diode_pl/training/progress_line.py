"""Where a long run stands: a bar on a terminal, a line now and then in a file or a pipe."""

import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

_PAUSE, _SHARE = 30.0, 0.01  # seconds and part of the run, of which both must pass until the next line
_BAR = "{desc} {percentage:3.0f}%|{bar}| {remaining} left{postfix}"
_SHOWN = 2  # values; with more a terminal of 80 columns has no room for the bar


class ProgressLine:
    """One line on standard error over a whole run.

    While there is a bar, what is logged appears above it. A notebook gets the bar, too.

    Example:
        >>> line = ProgressLine()
        >>> line.update(1, 12, "epoch 1/3", {"loss": 0.25})  # in a file nothing for the first half minute
        >>> line.close()
    """

    def __init__(self) -> None:
        self._live = sys.stderr.isatty() or "ipykernel" in sys.modules
        self._bar: tqdm | None = None
        self._open = ExitStack()
        self._began: tuple[float, float] | None = None  # when, and how far the run was
        self._last = (0.0, 0.0)

    def update(self, done: int, total: int, what: str, values: Mapping[str, float]) -> None:
        """Says where the run stands.

        Args:
            done: units of work that are behind, those before an interruption included.
            total: units of the whole run, > 0; may change.
            what: the present part of it, in at most 24 characters.
            values: numbers to watch; the first two are shown.
        """
        shown = ", ".join(f"{name} {value:.3g}" for name, value in list(values.items())[:_SHOWN])
        if self._live:
            self._draw(done, total, what, shown)
        else:
            self._print(done, total, what, shown)

    def close(self) -> None:
        """Leaves the bar as it is."""
        if self._bar is not None:
            self._bar.close()
            self._open.close()
        self._bar = None

    def _draw(self, done: int, total: int, what: str, shown: str) -> None:
        if self._bar is None:
            self._open.enter_context(logging_redirect_tqdm())
            # Little smoothing: stages and epochs differ in speed, and the time that is left must not jump.
            options = {"file": sys.stderr, "dynamic_ncols": True, "bar_format": _BAR, "smoothing": 0.05}
            self._bar = tqdm(total=total, initial=done, delay=1e-9, **options)  # drawn when its words are known
        self._bar.total = total
        self._bar.set_description_str(what, refresh=False)
        self._bar.set_postfix_str(shown, refresh=False)
        self._bar.update(done - self._bar.n)
        if done >= total:
            self._bar.refresh()

    def _print(self, done: int, total: int, what: str, shown: str) -> None:
        now, share = time.monotonic(), done / total
        if self._began is None:
            self._began = self._last = now, share
        then, before = self._last
        if now - then < _PAUSE or share - before < _SHARE:
            return
        self._last = now, share
        (start, first), rest = self._began, 1 - share
        left = tqdm.format_interval((now - start) / (share - first) * rest)
        print(f"{what}: {share:.0%}, {left} left{', ' * bool(shown)}{shown}", file=sys.stderr, flush=True)
