"""Processes that are gone, and processes elsewhere."""

import dataclasses
import subprocess
import sys

from diode_pl.io.process_id import ProcessId


def gone() -> ProcessId:
    """A process of this host that has ended."""
    shown = subprocess.run(
        [sys.executable, "-c", "from diode_pl.io.process_id import ProcessId; print(ProcessId.current())"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = ProcessId.parse(shown.stdout.strip())
    assert found is not None
    return found


def elsewhere() -> ProcessId:
    """A process of another host, whose number is that of one that has ended here."""
    return dataclasses.replace(gone(), host="node7-0badcafe")
