"""``python -m diode_pl.report FOLDER [OTHER ...]``: writes the page of a run that has ended, beside others if given."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

_WORDS = "Writes report.html (of an evaluation measured.html), the page of a run that has ended, into its folder."


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        arguments: of the command line; None takes the process's own.

    Raises:
        SystemExit: with a message if a folder holds no results, or a file of it is damaged.
    """
    parser = argparse.ArgumentParser("python -m diode_pl.report", description=_WORDS)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="output_dir of synthesize.py or train.py")
    parser.add_argument(
        "others", type=Path, nargs="*", metavar="OTHER", help="of runs of the same kind to compare with"
    )
    given = parser.parse_args(arguments)
    from diode_pl.report.page import write_page  # Matplotlib comes with it: --help need not wait

    try:
        print(write_page(given.folder, others=given.others))
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
