"""No detector."""


def no_detector(weights: None = None) -> None:
    """Stands where a detector could be.

    Args:
        weights: is not looked at; every student has the key.
    """
