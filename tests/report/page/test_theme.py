"""SVG inside of a page."""

import re
import xml.etree.ElementTree as ET

from diode_pl.report.page.theme import SERIES, add_legend, new_figure, to_svg


def example(label: str = "a figure") -> str:
    figure, axes = new_figure()
    axes.plot([0, 1], [0, 2], color=SERIES[1], label="$5 <b>")
    axes.fill_between([0, 1], [0, 1], [1, 3], color=SERIES[1], alpha=0.2)
    axes.set_title("losses")
    add_legend(axes)
    return to_svg(figure, label)


def test_colors_are_those_of_the_page() -> None:
    svg = example()
    assert "var(--c1)" in svg and "var(--muted)" in svg and "var(--ink)" in svg and "var(--line)" in svg
    assert not re.findall(r"#[0-9a-fA-F]{6}\b", re.sub(r'href="#\w+"|url\(#\w+\)|id="\w+"', "", svg))


def test_it_is_small_plain_svg_with_text_and_a_label() -> None:
    svg = example('of "mugs" & <keys>')
    root = ET.fromstring(svg)
    assert root.attrib["aria-label"] == 'of "mugs" & <keys>' and root.attrib["role"] == "img"
    assert "width" not in root.attrib and "height" not in root.attrib and root.attrib["viewBox"]
    texts = ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "losses" in texts and "$5 <b>" in texts, "neither a formula nor a tag"
    assert len(svg) < 20_000 and "<style" not in svg and "metadata" not in svg and "font-family" not in svg


def test_ids_of_two_figures_differ_and_one_figure_is_always_the_same() -> None:
    ids = [set(re.findall(r' id="([^"]+)"', example(label))) for label in ("one", "two")]
    assert ids[0] and not ids[0] & ids[1]
    assert example() == example()


def test_long_names_of_a_legend_take_several_lines() -> None:
    figure, axes = new_figure()
    for name in ("short", "row=onebox,losses.total_variation.weight=0.3,augmentations=none,seed=0"):
        axes.plot([0, 1], label=name)
    add_legend(axes, 3)
    first, second = (text.get_text() for text in figure.legends[0].get_texts())
    assert first == "short" and second.count("\n") == 1 and max(map(len, second.splitlines())) <= 46
