"""Whole pages in a browser, light and dark, on a desk and on a phone: nothing is cut off, all can be read."""

from pathlib import Path
from typing import Any

import pytest

from diode_pl.report.page import write_page
from tests.report.page.browser import browse
from tests.report.page.runs import accept, write_set, write_training

DARK, LIGHT = "0", "1"  # as Chromium numbers them
WIDE, NARROW = 1200, 400
# As a sweep names the folder of a job: one word, wider than a phone.
LONG = "detector@teacher=yolov3_tiny_shapes,losses.detection.weight=0.5,seed=1"
# A window without a head is not narrower than 500 pixels, but a frame is; media queries and layout see the frame.
FRAME = """<!DOCTYPE html>
<meta name="color-scheme" content="light dark">
<iframe id="frame" src="report.html" height="900" style="border: 0"></iframe>
<pre id="found"></pre>
<script>
const frame = document.getElementById("frame"), found = {};
const wait = () => new Promise((done) => setTimeout(done, 100));
const measure = async (width) => {
  frame.width = width;
  await wait();
  const page = frame.contentDocument, view = frame.contentWindow, scrolled = page.scrollingElement;
  // What only scrolls inside of its own box may be wider.
  const boxes = [...page.body.querySelectorAll("*")].filter((each) => !each.closest("svg, .table, .strip, pre"));
  const sticksOut = (each) => each.getBoundingClientRect().right > scrolled.clientWidth + 0.5;
  const dialog = page.getElementById("viewer");
  page.querySelector(".tile").click();
  await wait();
  const viewer = [dialog.open, dialog.scrollWidth - dialog.clientWidth];
  dialog.close();
  return {
    inner: view.innerWidth,
    columns: view.getComputedStyle(page.querySelector(".figures")).gridTemplateColumns.split(" ").length,
    overflow: scrolled.scrollWidth - scrolled.clientWidth,
    out: boxes.filter(sticksOut).map((each) => `${each.tagName} ${each.className} ${each.textContent.slice(0, 40)}`),
    viewer,
  };
};
const colors = () => {
  const page = frame.contentDocument, view = frame.contentWindow;
  const color = (where, key) => [...page.querySelectorAll(where)].map((each) => view.getComputedStyle(each)[key]);
  return {
    dark: view.matchMedia("(prefers-color-scheme: dark)").matches,
    paper: [...color("html", "backgroundColor"), ...color(".figures div, .charts figure", "backgroundColor")],
    ink: [...color("h1, h2, td, th, .note, figcaption, summary", "color"), ...color(".charts svg text", "fill")],
  };
};
window.addEventListener("load", async () => {
  for (const each of frame.contentDocument.querySelectorAll("details")) each.open = true;
  const page = frame.contentDocument;
  found.charts = page.querySelectorAll(".charts svg").length;
  found.compared = page.querySelectorAll("section[aria-labelledby=comparison] > .table th[scope=col]").length;
  found.wide = await measure(WIDE);
  found.narrow = await measure(NARROW);
  found.colors = colors();
  document.getElementById("found").textContent = JSON.stringify(found);
});
</script>"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages of a set and of a student, each beside another run, in frames that measure them."""
    folder = tmp_path_factory.mktemp("pages")
    sets = [write_set(folder / "sets" / name, planned=9) for name in (LONG, LONG.replace("seed=1", "seed=2"))]
    accept(sets[0])
    students = [write_training(folder / "students" / name) for name in (LONG, LONG.replace("seed=1", "seed=2"))]
    framed = {}
    for kind, (first, other) in (("set", sets), ("student", students)):
        write_page(first, others=[other])
        framed[kind] = first / "frame.html"
        framed[kind].write_text(FRAME.replace("WIDE", str(WIDE)).replace("NARROW", str(NARROW)), encoding="utf-8")
    return framed


def brightness(color: str) -> float:
    """Of ``rgb(...)``, in [0, 1]."""
    red, green, blue = (int(value) / 255 for value in color.removeprefix("rgb(").removesuffix(")").split(","))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("kind", ["set", "student"])
def test_a_page_fits_and_can_be_read(pages: dict[str, Path], kind: str, scheme: str) -> None:
    options = [f"--blink-settings=preferredColorScheme={scheme}", "--window-size=1300,1000"]
    found, console = browse(pages[kind], *options, "--allow-file-access-from-files")
    assert not console
    assert found["charts"] >= 5 and found["compared"] == 2, "a page with all that there is"
    _fits(found["wide"], WIDE)
    _fits(found["narrow"], NARROW)
    assert found["narrow"]["columns"] == 2 < found["wide"]["columns"], "the frame's width is that of the layout"
    dark, colors = scheme == DARK, found["colors"]
    assert colors["dark"] == dark
    papers, inks = ([brightness(each) for each in set(colors[what])] for what in ("paper", "ink"))
    if dark:
        assert max(papers) < 0.2 and min(inks) > 0.5
    else:
        assert min(papers) > 0.9 and max(inks) < 0.5


def _fits(measured: dict[str, Any], width: int) -> None:
    assert measured["inner"] == width
    assert measured["overflow"] <= 0 and not measured["out"]
    assert measured["viewer"][0] and measured["viewer"][1] <= 0
