"""Truth values of annotation files."""

import pytest

from diode_pl.io.flags import read_flag


@pytest.mark.parametrize(
    "value", [1, True, 1.0, 2, -1, "1", " 1 ", "1.0", "True", "true", "TRUE", "yes", "Y", "on", "t"]
)
def test_what_is_true(value):
    assert read_flag(value) is True


@pytest.mark.parametrize(
    "value", [0, False, 0.0, None, "", " ", "0", "0.0", "-0", "False", "no", "N", "off", "f", "None", "Unspecified"]
)
def test_what_is_false(value):
    assert read_flag(value) is False


@pytest.mark.parametrize("value", ["maybe", "nan", float("nan"), [], [1], {}])
def test_what_is_neither(value):
    with pytest.raises(ValueError, match="^expected a truth value .*got "):
        read_flag(value)


def test_a_long_text_is_quoted_in_short():
    with pytest.raises(ValueError) as caught:
        read_flag("x" * 10**6)
    assert len(str(caught.value)) < 200
