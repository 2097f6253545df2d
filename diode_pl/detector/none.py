"""The option without a detector."""


def no_detector(weights: None = None) -> None:
    """Returns None in place of a detector.

    Args:
        weights: ignored; every student has this key.
    """
