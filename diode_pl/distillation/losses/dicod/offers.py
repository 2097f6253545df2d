"""What a detector offers beyond what every one must."""

from collections.abc import Iterable

from diode_pl.detector import Detector


def check_offers(role: str, detector: Detector, methods: Iterable[str]) -> None:
    """Refuses a detector that lacks a method before a training has begun.

    Args:
        role: ``teacher`` or ``student``, for the message.
        detector: in that role.
        methods: names of those of :class:`~diode_pl.detector.Detector` that DICOD calls.

    Raises:
        ValueError: the detector has one of them from :class:`~diode_pl.detector.Detector` only, where it only raises.
    """
    missing = [f"{name}()" for name in methods if getattr(type(detector), name) is getattr(Detector, name)]
    if missing:
        raise ValueError(
            f"distill.dicod: the {role} ({type(detector).__name__}) does not offer {' and '.join(missing)}. Write what "
            "is missing (docs/own_detector.md), or leave dicod out: distill.dicod=null"
        )
