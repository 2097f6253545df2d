"""Truth values of annotation files, which programs write in many ways."""

from diode_pl.io.quoting import quote

_TRUE = frozenset({"true", "t", "yes", "y", "on"})
_FALSE = frozenset({"", "false", "f", "no", "n", "off", "none", "null", "unspecified", "unknown"})


def read_flag(value: object) -> bool:
    """Whether a number, a text or a JSON value means true; None, no text and ``Unspecified`` mean false.

    Raises:
        ValueError: if it is not a truth value.

    Example:
        >>> read_flag("0"), read_flag(" 1.0 "), read_flag("True"), read_flag("Unspecified")
        (False, True, True, False)
    """
    number: object = value
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        try:
            number = float(word)
        except ValueError:
            number = None
    elif value is None:
        return False
    if not isinstance(number, int | float) or number != number:
        raise ValueError(f"expected a truth value (0, 1, true, false, ...), got {quote(value)}")
    return number != 0
