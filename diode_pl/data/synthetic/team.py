"""Processes, on one host or several, that make one data set together."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from diode_pl.data.synthetic.plan import Plan
from diode_pl.io.atomic import atomic_write
from diode_pl.io.folder_lock import require_unlocked
from diode_pl.io.json_file import read_json
from diode_pl.io.lease import Lease
from diode_pl.io.process_id import ProcessId
from diode_pl.io.run_config import compare_configs

log = logging.getLogger(__name__)

_PATIENCE = 600.0  # seconds until somebody else must be through the door


class Team:
    """Those who write to the folder of a set at the same time: all with one plan and one configuration.

    The folder ``.team/`` holds a lease of each of them, and one of each batch that is being made.

    Args:
        folder: of the set.

    Example:
        >>> import tempfile
        >>> team = Team(Path(tempfile.mkdtemp()))
        >>> with team.joined(Plan(4, 2), ["mug"], {"seed": 0}):
        ...     team.is_here
        True
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.place = folder, folder / ".team"
        self._badge: Path | None = None

    @contextmanager
    def joined(
        self,
        plan: Plan,
        class_names: Sequence[str],
        configuration: Mapping[str, Any],
        prepare: Callable[[], None] = lambda: None,
    ) -> Iterator[None]:
        """Takes part until the end of the context; writes ``plan.json``.

        Args:
            plan: of the set.
            class_names: by label.
            configuration: of the run, as plain data.
            prepare: called while no other process joins.

        Raises:
            ValueError: if another process makes a set of another plan or configuration there, or trains there. One on
                another host that gives no sign of life for a minute counts as gone.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        require_unlocked(self.folder)  # and once more when others can see the badge
        badge = Lease(self.place / f"{ProcessId.current()}.member")
        with self.door():
            self._refuse_others(plan, configuration)
            content = {"num_images": plan.num_images, "batch_size": plan.batch_size, "class_names": list(class_names)}
            content["configuration"] = configuration
            atomic_write(self.folder / "plan.json", json.dumps(content, indent=1).encode())
            prepare()
            badge.take()
        self._badge = badge.path
        try:
            require_unlocked(self.folder)
            yield
        finally:
            badge.release()
            self._leave()

    @property
    def is_here(self) -> bool:
        """Whether the folder is still the one that was joined, as the lease in it tells."""
        return self._badge is None or self._badge.exists()

    def require_folder(self) -> None:
        """Raises a FileNotFoundError if the folder, or the lease of this run in it, was removed."""
        if not self.is_here:
            raise FileNotFoundError(
                f"folder: {self.folder} has vanished while images were written to it, or {self._badge} in it; finished "
                "batches that are elsewhere by now can be moved back, and the same command makes the rest"
            )

    def claim(self, batch: int) -> Lease:
        """The lease of a batch."""
        return Lease(self.place / f"{batch:06d}.batch")

    @contextmanager
    def door(self) -> Iterator[None]:
        """Lets one process at a time through: those that join, and those that describe the whole set."""
        lease, end = Lease(self.place / "door"), time.monotonic() + _PATIENCE
        while not self._enter(lease):
            if time.monotonic() > end:
                raise OSError(f"{lease.path} is held by {_name(lease)} for minutes; stop that process")
            time.sleep(0.1)
        try:
            yield
        finally:
            lease.release()
            self._leave()

    def _enter(self, door: Lease) -> bool:
        self.place.mkdir(exist_ok=True)  # the last one of others removes it
        try:
            return door.take()
        except FileNotFoundError:
            return False

    def _leave(self) -> None:
        with suppress(OSError):  # others are there
            self.place.rmdir()

    def others(self) -> list[Lease]:
        """Leases of other processes that are not known to be gone; what the others left is removed."""
        held = []
        for path in sorted(self.place.glob("*.member")) + sorted(self.place.glob("*.batch")):
            lease = Lease(path)
            if lease.take():  # and not removed as it is: another process may take it over at this moment
                lease.release()
            elif lease.holder != ProcessId.current():
                held.append(lease)
        return held

    def _refuse_others(self, plan: Plan, configuration: Mapping[str, Any]) -> None:
        others = self.others()  # without what those left that are gone
        try:
            known = read_json(self.folder / "plan.json")
            differ = (
                [("num_images", known["num_images"], plan.num_images)] if known["num_images"] != plan.num_images else []
            )
            differ += compare_configs(known["configuration"], configuration)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # none yet, or cut
            return
        if not differ:
            return
        for lease in [lease for lease in others if lease.watch()]:  # of a host that is gone
            others.remove(lease)
            if lease.take():
                lease.release()
        if others:
            raise ValueError(
                f"folder: {_name(others[0])} writes to {self.folder} with another configuration. They differ in"
                + "".join(f"\n  {key}: {before!r} there, {now!r} now" for key, before, now in differ)
                + "\nChoose another folder, or wait for its end."
            )


def _name(lease: Lease) -> str:
    return "another process" if lease.holder is None else lease.holder.words
