"""From a trained detector to labeled images: `python synthesize.py --help`."""

from diode_pl.cli import run_entry_point


def main() -> None:
    """Runs what the command line says."""
    run_entry_point("synthesize")


if __name__ == "__main__":
    main()
