"""No data set."""


def no_images(split: str | None = None) -> None:
    """Placeholder for a data set; ``split`` is ignored."""
