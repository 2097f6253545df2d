"""Batches that several processes take one by one, each at one time by one of them."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from diode_pl.data.synthetic.team import Team
from diode_pl.io.lease import Lease

log = logging.getLogger(__name__)

_PAUSE = 1.0  # seconds between two looks at what others are making


class Claims:
    """Batches to make, in order, without those that others make or have made.

    A batch whose process is gone is taken over. In the end it waits for the batches of others, so that no batch is lost
    as long as one process lives. No step looks at more than the next batches.

    Args:
        team: those who make the set.
        batches: that were missing when this process looked.
        holds: whether a batch has been written since.

    Example:
        >>> import tempfile; from pathlib import Path
        >>> team = Team(Path(tempfile.mkdtemp())); team.place.mkdir()
        >>> list(Claims(team, [0, 2, 5], lambda batch: batch == 2))
        [0, 5]
    """

    def __init__(self, team: Team, batches: Iterable[int], holds: Callable[[int], bool]) -> None:
        self.team, self._holds = team, holds
        self._ahead, self._others = deque(batches), deque[tuple[int, Lease]]()
        self._own: Lease | None = None

    def __iter__(self) -> Iterator[int]:
        return self

    def __length_hint__(self) -> int:
        return len(self._ahead)

    def __next__(self) -> int:
        self.close()
        while self._ahead:
            batch = self._ahead.popleft()
            lease = self.team.claim(batch)
            if self._take(batch, lease):
                return batch
            if not self._holds(batch):
                self._others.append((batch, lease))
        if self._others:
            words = ", ".join(str(batch) for batch, _ in list(self._others)[:8])
            log.info("%s: waiting for batches that other processes make: %s", self.team.folder, words)
        while self._others:
            batch, lease = self._others[0]
            if self._take(batch, lease):
                log.info("%s: batch %d is taken over from a process that is gone", self.team.folder, batch)
                self._others.popleft()
                return batch
            if self._holds(batch):
                self._others.popleft()
                continue
            self.team.require_folder()
            self._others.rotate(-1)
            time.sleep(_PAUSE / len(self._others))
        raise StopIteration

    def close(self) -> None:
        """Gives the present batch back."""
        if self._own is not None:
            self._own.release()
            self._own = None

    def _take(self, batch: int, lease: Lease) -> bool:
        if self._holds(batch) or not lease.take():
            return False
        if self._holds(batch):  # written between the two looks
            lease.release()
            return False
        self._own = lease
        return True
