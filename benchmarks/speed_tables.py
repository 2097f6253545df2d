"""Tables of speed, from the files that synthesis_speed and training_speed write with --json.

    python -m benchmarks.speed_tables runs/gpu

One row a file, and what an image takes by the paper's budget (files paper_160 and paper_320: 2,500 iterations of the
one and 1,500 of the other) and by the default (default_160: 400 iterations).
"""

import argparse
import json
from pathlib import Path
from typing import Any

_COLUMNS = ["batch", "resolution", "precision", "floor_ms", "step_ms", "ratio", "first_ms", "peak_gib", "val_s"]
_BUDGETS = {"the paper's budget": {"paper_160": 2500, "paper_320": 1500}, "the default": {"default_160": 400}}


def tabulate(rows: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Floor and step of each file, by its name."""
    columns = [name for name in _COLUMNS if any(row.get(name) is not None for row in rows.values())]
    return [["", *columns], *([name, *(str(row.get(key, "")) for key in columns)] for name, row in rows.items())]


def tabulate_parts(rows: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Milliseconds of the parts of a step."""
    parts = list(dict.fromkeys(part for row in rows.values() for part in row["parts_ms"]))
    return [["ms", *parts], *([name, *(str(row["parts_ms"].get(p, "")) for p in parts)] for name, row in rows.items())]


def seconds_per_image(rows: dict[str, dict[str, Any]], budget: dict[str, int]) -> float | None:
    """Seconds of all iterations of an image; None if a file is missing."""
    if not budget.keys() <= rows.keys():
        return None
    return sum(count * rows[name]["step_ms"] / 1000 / rows[name]["batch"] for name, count in budget.items())


def main() -> None:
    """Prints the tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of the files")
    options = parser.parse_args()

    from benchmarks.jobs import print_table  # --help answers at once

    rows = {path.stem: json.loads(path.read_text()) for path in sorted(options.folder.glob("*.json"))}
    if not rows:
        parser.error(f"{options.folder} holds no .json file; benchmarks/h200.sh writes some")
    print(", ".join(dict.fromkeys(row["device"] for row in rows.values())) + "\n")
    print_table(iter(tabulate(rows)))
    print()
    print_table(iter(tabulate_parts(rows)))
    for name, budget in _BUDGETS.items():
        if (seconds := seconds_per_image(rows, budget)) is not None:
            print(f"\nSeconds per image by {name}, without scores and files: {seconds:.3f}")


if __name__ == "__main__":
    main()
