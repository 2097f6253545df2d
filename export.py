"""From a detector's weights to a file for other programs: `python export.py --help`."""

from diode_pl.cli import run_entry_point


def main() -> None:
    """Runs what the command line says."""
    run_entry_point("export")


if __name__ == "__main__":
    main()
