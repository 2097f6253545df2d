"""Text of bounded length for messages."""

import pytest

from diode_pl.io.quoting import quote, shorten


@pytest.mark.parametrize("value", [None, 1.5, "mug", ["a", 1], {"a": [1, 2]}, 10**40, ("a",)])
def test_short_values_are_their_repr(value):
    assert quote(value) == repr(value)


def nested(depth):
    value = ["x"] * 10
    for _ in range(depth):
        value = [value] * 10
    return value


@pytest.mark.parametrize("limit", [20, 80])
@pytest.mark.parametrize(
    "value",
    ["x" * 10**6, list(range(10**5)), {str(i): i for i in range(1000)}, nested(40), 10**5000, b"x" * 1000],
    ids=["text", "list", "mapping", "nested", "integer", "bytes"],
)
def test_long_values_are_bounded(value, limit):
    assert 8 <= len(quote(value, limit)) <= limit


def test_a_number_that_python_does_not_write_out_says_its_size():
    assert quote(1 << 20_000) == "an integer of 20001 bits"


def test_both_ends_of_a_text_stay():
    assert shorten("0123456789", 10) == "0123456789"
    assert shorten("0123456789x", 10) == "0123...89x"
    assert {len(shorten("x" * 100, limit)) for limit in range(8, 20)} == {*range(8, 20)}
