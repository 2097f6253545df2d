import io
import math

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from diode_pl.report import draw_curves

HISTORY = [
    {"epoch": 0, "loss/box": 4.0, "loss/mimic": 9.0, "lr": 0.01, "other": 3.0},
    {"epoch": 1, "loss/box": 2.0, "loss/mimic": 5.0, "lr": 0.02, "val/AP50": 0.2, "val/AP": 0.1, "val/F1": 0.3},
    {"epoch": 2, "loss/box": 1.0, "lr": 0.01, "val/AP50": 0.4, "val/AP": 0.2, "val/F1": 0.5},
]
TEACHER = {"val/AP50": 0.9, "val/AP": 0.6}


def panels(figure: Figure) -> dict[str, Axes]:
    return {axes.get_title(loc="left"): axes for axes in figure.axes}


def lines(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    return {str(line.get_label()): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.get_lines()}


def test_every_quantity_in_its_panel_over_the_epochs_that_have_it() -> None:
    found = panels(draw_curves(HISTORY, TEACHER))
    assert lines(found["losses"]) == {"box 1": ([1, 2, 3], [4, 2, 1]), "mimic 5": ([1, 2], [9, 5])}
    scores = lines(found["validation"])
    assert scores.pop("teacher's AP50 0.9")[1] == [0.9, 0.9]
    assert scores == {"AP50 0.4": ([2, 3], [0.2, 0.4]), "AP 0.2": ([2, 3], [0.1, 0.2]), "F1 0.5": ([2, 3], [0.3, 0.5])}
    assert [*lines(found["learning rate"]).values()] == [([1, 2, 3], [0.01, 0.02, 0.01])]


def test_one_color_a_quantity_and_the_teachers_is_that_of_the_score() -> None:
    drawn = [line for axes in draw_curves(HISTORY, TEACHER).axes for line in axes.get_lines()]
    dashed = [line for line in drawn if line.get_linestyle() == "--"]
    assert len(dashed) == 1 and len({line.get_color() for line in drawn}) == len(drawn) - 1
    assert [line.get_label() for line in drawn if line.get_color() == dashed[0].get_color()][0] == "AP50 0.4"


@pytest.mark.parametrize(("value", "scale"), [(1e-9, "log"), (0.0, "linear"), (-1.0, "linear"), (math.nan, "log")])
def test_losses_are_logarithmic_when_all_are_positive(value: float, scale: str) -> None:
    history = [*HISTORY, {"epoch": 3, "loss/box": value}]
    assert panels(draw_curves(history))["losses"].get_yscale() == scale


def test_epochs_come_in_any_order() -> None:
    assert lines(panels(draw_curves(HISTORY[::-1]))["losses"]) == lines(panels(draw_curves(HISTORY))["losses"])


@pytest.mark.parametrize("first", [0, 4])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_axis_counts_whole_epochs(first: int, count: int) -> None:
    figure = draw_curves([entry | {"epoch": first + i} for i, entry in enumerate(HISTORY[:count])])
    figure.canvas.draw()
    for axes in figure.axes:
        low, high = axes.get_xlim()
        assert [tick for tick in axes.get_xticks() if low <= tick <= high] == list(range(first + 1, first + 1 + count))


@pytest.mark.parametrize("history", [[], HISTORY[:1], HISTORY, [{"epoch": 0, "loss/a": math.inf}]], ids=len)
@pytest.mark.parametrize("teacher", [None, {}, TEACHER], ids=str)
def test_any_history_makes_a_picture_of_1200_pixels(
    history: list[dict[str, float]], teacher: dict[str, float] | None
) -> None:
    buffer = io.BytesIO()
    draw_curves(history, teacher).savefig(buffer, format="png")
    picture = Image.open(buffer)
    assert picture.width == 1200 and len(np.unique(np.array(picture.convert("L")))) > 2


def test_an_entry_without_its_epoch_is_named() -> None:
    with pytest.raises(ValueError, match=r"expected 'epoch' in every entry, entry 1 has \['lr'\]"):
        draw_curves([{"epoch": 0}, {"lr": 0.1}])


def test_pyplot_knows_nothing_of_it() -> None:
    draw_curves(HISTORY)
    assert not pyplot.get_fignums()
