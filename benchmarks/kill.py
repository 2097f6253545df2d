"""Kills syntheses at random moments, starts them again, and compares the bytes with those of an undisturbed run.

    OMP_NUM_THREADS=1 python benchmarks/kill.py --runs 50

takes the embedded teacher at 32 px. Each run is one command that is killed and given again, one to three times as is
drawn, by SIGKILL or by SIGTERM in turn, and then left to end; every third is two commands at the same time into one
folder, one of which is killed. A run that no signal hit, because the command was faster, counts for nothing and is made
again.

The first set is made by ``python synthesize.py``. The commands that are killed are forked from processes that have
imported the libraries, which takes most of the seconds of such a command and writes nothing: the moments of the kills
are drawn from those in which there is something to lose.
"""

import argparse
import json
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORDS = ["detector@verifier=none", "num_images=6", "batch_size=2", "logger=none", "trainer.accelerator=cpu"]
WORDS += ["schedule.stages.0.resolution=32", "budget=0.02", "callbacks.progress=null"]
SIGNALS, MOST_KILLS = (signal.SIGKILL, signal.SIGTERM), 3
GRACE = 15.0  # seconds after SIGTERM at which a process that is still busy ends with 1


class Commands:
    """Runs commands one after another, each in a fork of a process that has imported what they need."""

    def __init__(self) -> None:
        words = [sys.executable, __file__, "--fork"]
        self._parent = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._read(None) == b"ready"
        self.pid = 0

    def start(self, folder: Path) -> None:
        """Starts one command into a folder; what it prints goes to a file beside that."""
        self._write([*WORDS, f"output_dir={folder}"], str(folder.with_suffix(".printed")))
        self.pid = int(self._read(None) or 0)

    def wait(self, seconds: float | None = None) -> int | None:
        """Exit code of the command, negative for a signal; None if it still runs after so many seconds."""
        line = self._read(seconds)
        if line is None:
            return None
        self._write("next")  # until then its number is of no other process, so that a late signal hits nothing else
        return int(line)

    def end(self) -> None:
        """Ends the process that the commands are forked from."""
        assert self._parent.stdin is not None
        self._parent.stdin.close()
        self._parent.wait()

    def _write(self, *content: object) -> None:
        assert self._parent.stdin is not None
        self._parent.stdin.write(json.dumps(content).encode() + b"\n")
        self._parent.stdin.flush()

    def _read(self, seconds: float | None) -> bytes | None:
        assert self._parent.stdout is not None
        if not select.select([self._parent.stdout], [], [], seconds)[0]:
            return None
        return self._parent.stdout.readline().strip()


def fork_commands() -> None:
    """What a process of :class:`Commands` does: forks for each line that it reads."""
    sys.path.insert(0, str(ROOT))
    import faster_coco_eval  # noqa: F401
    import torchmetrics.detection  # noqa: F401

    import diode_pl.data.readers
    import diode_pl.detector
    import diode_pl.detector.loading
    import diode_pl.synthesis  # noqa: F401
    from diode_pl.cli import run_entry_point

    print("ready", flush=True)
    for line in iter(sys.stdin.readline, ""):
        words, printed = json.loads(line)
        pid = os.fork()
        if not pid:
            output = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for number in (1, 2):
                os.dup2(output, number)
            sys.argv = ["synthesize.py", *words]
            return run_entry_point("synthesize")  # and the process ends, as that of the script does
        print(pid, flush=True)
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        print(ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status, flush=True)
        sys.stdin.readline()
        os.waitpid(pid, 0)
    return None


def contents(folder: Path) -> dict[str, bytes]:
    """What must be the same: everything but records and totals, which hold seconds, and the log."""
    files = [*folder.glob("images/*"), *folder.glob("labels/*")]
    files += [folder / name for name in ("annotations.json", "data.yaml", "contact_sheet.png")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def strike(
    commands: Commands, folder: Path, number: signal.Signals, most: float, draw: random.Random
) -> tuple[int, float]:
    """Kills a command and gives it again, until it ends by itself.

    Returns:
        How often it was killed, and the seconds that the slowest needed to end.
    """
    kills, slowest, planned = 0, 0.0, draw.randint(1, MOST_KILLS)
    while True:
        commands.start(folder)
        code = commands.wait(draw.uniform(0, most) if kills < planned else None)
        if code is None:
            began = time.monotonic()
            os.kill(commands.pid, number)
            code = commands.wait()
            seconds = time.monotonic() - began
            slowest = max(slowest, seconds)
            # SIGTERM before the command has said what it does then ends it as any program.
            if code in (-number, 128 + number) or number is signal.SIGTERM and code == 1 and seconds > GRACE - 1:
                kills += 1
                continue
        assert code == 0, f"exit code {code}: {folder.with_suffix('.printed').read_text()}"
        return kills, slowest


def main() -> None:
    """Runs what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fork", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fork:
        return fork_commands()
    draw, began = random.Random(options.seed), time.monotonic()
    rows = dict[str, list[float]]()
    place = Path(tempfile.mkdtemp())
    whole = place / "whole"
    subprocess.run([sys.executable, str(ROOT / "synthesize.py"), *WORDS, f"output_dir={whole}"], cwd=ROOT, check=True)
    expected = contents(whole)
    struck, helper = Commands(), Commands()
    start = time.monotonic()
    struck.start(place / "again")
    assert struck.wait() == 0 and contents(place / "again") == expected
    most = time.monotonic() - start
    i = missed = 0
    while i < options.runs:
        number, folder, helped = SIGNALS[i % len(SIGNALS)], place / f"{i}_{missed}", i % 3 == 2
        if helped:
            helper.start(folder)
        kills, slowest = strike(struck, folder, number, most, draw)
        assert not helped or helper.wait() == 0
        if not kills:
            missed += 1
            continue
        i += 1
        left = [path for path in folder.rglob(".*") if path.name.endswith(".part") or path.name == ".team"]
        row = rows.setdefault(f"{number.name}{', two commands' if helped else ''}", [0, 0, 0, 0, 0])
        for at, value in enumerate((1, kills, contents(folder) == expected, len(left))):
            row[at] += value
        row[4] = max(row[4], slowest)
        print(f"{i}: {number.name}, {kills} kills, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    for commands in (struck, helper):
        commands.end()
    print("| signal | runs | killed | same bytes | temporary files left | slowest end, seconds |")
    print("|---|---|---|---|---|---|")
    for name, (runs, kills, same, left_over, slowest) in rows.items():
        print(f"| {name} | {runs} | {kills} | {same} | {left_over} | {slowest:.1f} |")
    print(f"{missed} more were faster than the signal; {time.monotonic() - began:.0f} s, sets in {place}")
    if sum(row[2] for row in rows.values()) != options.runs:
        sys.exit("bytes differ")
    return None


if __name__ == "__main__":
    main()
