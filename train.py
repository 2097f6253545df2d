"""From a teacher and images to a new detector: `python train.py --help`."""

from diode_pl.cli import run_entry_point


def main() -> None:
    """Runs what the command line says."""
    run_entry_point("train")


if __name__ == "__main__":
    main()
