"""No data set."""


def no_images(split: str | None = None) -> None:
    """Stands where a data set could be.

    Args:
        split: is not looked at; every data set has one.
    """
