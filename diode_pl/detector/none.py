"""The option without a detector."""


def no_detector(weights: None = None) -> None:
    """Returns None in place of a detector; ``weights`` is ignored, a key of every student."""
