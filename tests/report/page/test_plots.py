"""Charts say what they are given."""

import re
import xml.etree.ElementTree as ET

import pytest

from diode_pl.report.page.plots import draw_bars, draw_histogram, draw_lines
from diode_pl.report.page.theme import SERIES

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()).strip() for node in ET.fromstring(svg).iter(f"{SVG}text")]


def color(i: int) -> str:
    return f"var(--c{SERIES.index(SERIES[i])})"


def test_lines_have_names_marks_and_a_level() -> None:
    svg = draw_lines(
        "Loss", {"a": [[(0, 1), (1, 2)]], "b": [[(0, 3), (1, 1)]]}, "step", marks=[0.5], level=("best", 2.5)
    )
    assert {"Loss", "a", "b", "best", "step"} <= set(texts(svg))
    assert color(0) in svg and color(1) in svg and color(2) not in svg
    bare = draw_lines("Loss", {"a": [[(0, 1), (1, 2)]]}, "step")
    assert "a" not in texts(bare), "one line needs no legend"


def test_several_lines_of_one_name_are_a_median_in_a_band() -> None:
    one, three = ([[(0, v), (1, v)] for v in values] for values in ([5.0], [1.0, 5.0, 30.0]))
    assert "fill-opacity: 0.18" not in draw_lines("x", {"a": one}, "step")
    assert "fill-opacity: 0.18" in draw_lines("x", {"a": three}, "step")


def test_a_logarithmic_axis_only_above_zero() -> None:
    high, low = [[(0, 0.001), (1, 1000.0)]], [[(0, 0.0), (1, 1000.0)]]
    assert "0.001" in texts(draw_lines("x", {"a": high}, "step", log=True))
    assert "0.001" not in texts(draw_lines("x", {"a": low}, "step", log=True))


def test_what_is_not_finite_is_left_out() -> None:
    svg = draw_lines("x", {"a": [[(0, float("nan")), (1, 2.0), (2, float("inf"))]], "b": [[]]}, "step")
    assert "nan" not in svg.lower().replace("nano", "") and "inf" not in re.sub(r"info|aria", "", svg.lower())


def test_bars_show_their_values_and_missing_ones_stay_empty() -> None:
    svg = draw_bars("AP", {"student": {"mug": 0.5, "$key": 0.25}, "teacher": {"mug": 0.75}}, digits="{:.2f}")
    assert {"mug", "$key", "0.50", "0.25", "0.75", "student", "teacher"} <= set(texts(svg))
    assert texts(svg).count("0.00") <= 1, "the axis has one"


def test_of_many_rows_the_largest_are_drawn() -> None:
    values = {f"class {i}": float(i) for i in range(100)}
    shown = texts(draw_bars("Boxes", {"boxes": values}, most=10))
    assert "class 99" in shown and "class 90" in shown and "class 89" not in shown
    assert "Boxes: the 10 largest" in shown


@pytest.mark.parametrize("marks", [[], [0.25, 0.5]])
def test_a_histogram_with_marks(marks: list[float]) -> None:
    svg = draw_histogram("Size", [0, 0.5, 1], [3, 1], "side", "boxes", marks, "anchors")
    assert {"Size", "side", "boxes"} <= set(texts(svg)) and ("anchors" in texts(svg)) == bool(marks)
