"""Text of bounded length for messages: what a file contains may be long."""

import reprlib


def quote(value: object, limit: int = 80) -> str:
    """``repr`` of plain data in at most ``limit`` characters; of long or nested data only the outer part is looked at.

    Example:
        >>> quote(["mug", 1.5]), quote("x" * 1_000_000, limit=16)
        ("['mug', 1.5]", "'xxxxx...xxxxxx'")
    """
    bounded = _Bounded()
    bounded.maxlevel, bounded.maxstring, bounded.maxlong, bounded.maxother = 3, limit, limit, limit
    return shorten(bounded.repr(value), limit)


def shorten(text: str, limit: int = 500) -> str:
    """A text of at most ``limit`` characters: what is more is left out in the middle, since both ends of a path tell.

    Example:
        >>> shorten("abcdefghijk", limit=9)
        'abc...ijk'
    """
    if len(text) <= limit:
        return text
    tail = (limit - 3) // 2
    return f"{text[: limit - 3 - tail]}...{text[-tail:]}"


class _Bounded(reprlib.Repr):
    def repr_int(self, x: int, level: int) -> str:
        try:
            return super().repr_int(x, level)
        except ValueError:  # Python refuses to write out thousands of digits
            return f"an integer of {x.bit_length()} bits"
