"""The command line of the measurements of speed."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def run_measurement(doc: str | None, script: str, measure: Callable[[list[str], int, int], dict[str, Any]]) -> None:
    """Parses the command line, measures, and prints the row as a table in Markdown.

    Args:
        doc: what ``--help`` says.
        script: whose words are taken.
        measure: called with words, number of blocks and steps of a block; returns the row.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help=f"as those of {script}")
    parser.add_argument("--rounds", type=int, default=5, help="blocks of steps and of floors")
    parser.add_argument("--block", type=int, default=5, help="steps of a block")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()

    from benchmarks.jobs import print_table  # --help answers at once

    row = measure(options.words, options.rounds, options.block)
    if options.json:
        options.json.write_text(json.dumps(row, indent=1) + "\n")
    flat = {name: value for name, value in row.items() if name != "parts_ms"} | row["parts_ms"]
    print_table(iter([list(flat), [str(value) for value in flat.values()]]))
