"""What a detector finds in pictures: `python predict.py --help`."""

from diode_pl.cli import run_entry_point


def main() -> None:
    """Runs what the command line says."""
    run_entry_point("predict")


if __name__ == "__main__":
    main()
