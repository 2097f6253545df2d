"""Kills syntheses at random moments, starts them again, and compares the bytes with those of an undisturbed run.

    python benchmarks/kill.py --runs 50

takes the embedded teacher at 32 px. Each run is one command that is killed until it ends by itself, by SIGKILL or by
SIGTERM; every third is two commands at the same time into one folder, one of which is killed.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORDS = ["detector@verifier=none", "num_images=10", "batch_size=2", "logger=none", "trainer.accelerator=cpu"]
WORDS += ["schedule.stages.0.resolution=32", "budget=0.04", "callbacks.progress=null"]
SIGNALS = (signal.SIGKILL, signal.SIGTERM)


def start(folder: Path, *more: str) -> subprocess.Popen[bytes]:
    """One command into a folder."""
    words = [sys.executable, str(ROOT / "synthesize.py"), *WORDS, f"output_dir={folder}", *more]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def contents(folder: Path) -> dict[str, bytes]:
    """What must be the same: everything but records and totals, which hold seconds, and the log."""
    files = [*folder.glob("images/*"), *folder.glob("labels/*")]
    files += [folder / name for name in ("annotations.json", "data.yaml", "contact_sheet.png")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def strike(folder: Path, number: signal.Signals, most: float, draw: random.Random) -> tuple[int, list[int], float]:
    """Kills the command until it ends by itself.

    Returns:
        How often it was killed, the exit codes of those, and the seconds that the slowest needed to end.
    """
    codes, slowest = list[int](), 0.0
    while True:
        run = start(folder)
        try:
            _, said = run.communicate(timeout=draw.uniform(0, most))
        except subprocess.TimeoutExpired:
            began = time.monotonic()
            run.send_signal(number)
            run.communicate()
            slowest = max(slowest, time.monotonic() - began)
            codes.append(run.returncode)
            if run.returncode:
                continue
            said = b""
        assert run.returncode == 0, said.decode()
        return len([code for code in codes if code]), codes, slowest


def main() -> None:
    """Runs what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    rows = dict[str, list[float]]()
    with tempfile.TemporaryDirectory() as place:
        began = time.monotonic()
        whole = Path(place, "whole")
        _, said = (run := start(whole)).communicate()
        assert run.returncode == 0, said.decode()
        most, expected = time.monotonic() - began, contents(whole)
        for i in range(options.runs):
            number, folder = SIGNALS[i % len(SIGNALS)], Path(place, str(i))
            helper = start(folder) if i % 3 == 2 else None
            kills, codes, slowest = strike(folder, number, most, draw)
            if helper is not None:
                helper.communicate()
                assert helper.returncode == 0
            assert number is signal.SIGKILL or all(codes), f"SIGTERM ended in the exit code 0: {codes}"
            left = [path for path in folder.rglob(".*") if path.name.endswith(".part") or path.name == ".team"]
            row = rows.setdefault(f"{number.name}{', two commands' if helper else ''}", [0, 0, 0, 0, 0])
            for at, value in enumerate((1, kills, contents(folder) == expected, len(left))):
                row[at] += value
            row[4] = max(row[4], slowest)
    print("| signal | runs | killed | same bytes | temporary files left | slowest end, seconds |")
    print("|---|---|---|---|---|---|")
    for name, (runs, kills, same, left_over, slowest) in rows.items():
        print(f"| {name} | {runs} | {kills} | {same} | {left_over} | {slowest:.1f} |")
    if sum(row[2] for row in rows.values()) != options.runs:
        sys.exit("bytes differ")


if __name__ == "__main__":
    main()
