"""Tables of whatever runs are there, in Markdown, and with --csv in a file for other programs.

python -m benchmarks.collect runs/ablation [runs/another ...]       a line for each setting, mean and spread over seeds
python -m benchmarks.collect --layout transfer runs/transfer/*      a column for each detector, the best setting on top
python -m benchmarks.collect --layout table3 runs/tables/students   a table of the paper, its figures beside ours
"""

import argparse
import csv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from benchmarks.jobs import print_table
from benchmarks.paper_tables import TABLES, paper_table
from benchmarks.sweep_table import sweep_tables
from benchmarks.transfer_table import read_scores, transfer_table

Tables = Iterable[list[list[str]]]
LAYOUTS: dict[str, Callable[[list[Path]], Tables]] = {
    "sweep": sweep_tables,
    "transfer": lambda folders: [list(transfer_table(read_scores(folders)))],
    **{name: lambda folders, table=table: [list(paper_table(table, folders))] for name, table in TABLES.items()},
}


def write_csv(path: Path, tables: Tables) -> None:
    """Writes tables one below the other, an empty line between two."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(_joined(tables))


def _joined(tables: Tables) -> Iterator[list[str]]:
    for i, rows in enumerate(tables):
        if i:
            yield []
        yield from rows


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="output_dir of a sweep, or of a single run")
    parser.add_argument("--layout", choices=LAYOUTS, default="sweep", help="sweep by default")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="writes the tables to a file as well")
    given = parser.parse_args()
    tables = list(LAYOUTS[given.layout](given.folders))
    for i, rows in enumerate(tables):
        if i:
            print()
        print_table(rows)
    if given.csv is not None:
        write_csv(given.csv, tables)


if __name__ == "__main__":
    main()
