"""The name of what is not an object."""

import pytest

from diode_pl.io.background import is_background, report_background


@pytest.mark.parametrize("name", ["__background__", "_background_", "__BackGround__", " __background__\t"])
def test_names_of_the_background(name):
    assert is_background(name)


@pytest.mark.parametrize("name", ["background", "Background", "__background__s", "a __background__", "_", "", "__bg__"])
def test_names_of_objects(name):
    assert not is_background(name)


def test_one_bounded_line_says_how_many(caplog):
    report_background("a.json", [])
    assert not caplog.text
    report_background("a.json", ["x" * 10_000, "y"])
    assert "a.json: 2 boxes are of the background" in caplog.text and len(caplog.text) < 1000
