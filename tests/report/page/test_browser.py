"""Pages in a browser, where there is one: nothing is wrong on the console, and the switches work."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from diode_pl.report.page.rendering import render
from diode_pl.report.page.view import Gallery, View
from tests.report.page.browser import browse

IMAGES = 1000
# Every driver leaves what it found in an element; a click is what a person does.
DRIVER = """
<pre id="found"></pre>
<script>
window.addEventListener("load", async () => {
  const found = {}, $ = (id) => document.getElementById(id);
  const wait = () => new Promise((done) => setTimeout(done, 60));
  const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const set = (input, value) => {
    input.value = value;
    input.dispatchEvent(new Event(input.tagName === "SELECT" ? "change" : "input"));
  };
  const shown = () => [...document.querySelectorAll(".tile")].filter((tile) => !tile.hidden).length;
  const visible = (source) => getComputedStyle(document.querySelector(`.tile .b${source}`)).display !== "none";
  await wait();
  found.count = $("count").textContent;
  found.shown = shown();
  found.decoded = document.querySelectorAll(".tile img").length;
  found.atFirst = [0, 1, 2].map(visible);
  document.querySelectorAll(".switch")[1].click();
  press("3"); press("1");
  found.switched = [0, 1, 2].map(visible);
  found.pressed = [...document.querySelectorAll(".switch")].map((each) => each.getAttribute("aria-pressed"));
  press("1");
  set($("class"), "1");
  found.ofClass = $("count").textContent;
  set($("class"), "");
  set(document.querySelector(".seen[data-source=verifier]"), "0.5");
  found.seen = $("count").textContent;
  set(document.querySelector(".seen[data-source=verifier]"), "0");
  set($("accepted"), "0");
  found.rejected = $("count").textContent;
  set($("accepted"), "");
  set($("error"), "duplicate");
  found.duplicates = $("count").textContent;
  set($("confidence"), "0.9");
  found.sure = [$("count").textContent, $("none").hidden];
  set($("confidence"), "0.3");
  set($("error"), "");
  set($("order"), "verifier");
  found.worst = document.querySelector(".tile").dataset.index;
  set($("order"), "");
  $("more").click();
  found.all = shown();
  document.querySelectorAll(".tile")[7].click();
  await wait();
  const name = () => $("viewer").open && $("viewer-name").textContent;
  found.opened = name();
  found.captions = [...document.querySelectorAll("#viewer .picture text")].map((each) => each.textContent);
  press("ArrowRight"); found.next = name();
  press("ArrowLeft"); press("ArrowLeft"); found.previous = name();
  $("close").click(); await wait();
  found.closed = name(); found.focus = document.activeElement.dataset.index;
  found.overflow = document.documentElement.scrollWidth - innerWidth;
  $("found").textContent = JSON.stringify(found);
});
</script></body>"""


def image(i: int, source: str) -> dict[str, Any]:
    """One of a thousand: a mug that the teacher sees, or every tenth time a key that the verifier sees twice."""
    key = i % 10 == 9
    target, score = [10.0, 10.0, 30.0, 30.0, int(key)], round(i / IMAGES, 3)
    twice = [[*target, 0.8, "correct"], [*target, 0.6, "duplicate"]] if key else []
    return {
        "name": f"{i:08d}.png",
        "href": f"images/{i:08d}.png",
        "w": 64,
        "h": 64,
        "src": source,
        "boxes": {"targets": [target], "teacher": [[*target, 0.75]], "verifier": twice},
        "seen": {"teacher": 0.75, "verifier": score},
        "accepted": i % 4 > 0,
    }


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of a thousand images, with what drives it."""
    file = io.BytesIO()
    Image.effect_noise((128, 128), 25).convert("RGB").save(file, format="jpeg", quality=82)
    source = base64.b64encode(file.getvalue()).decode()
    sources = [(key, key) for key in ("targets", "teacher", "verifier")]
    gallery = Gallery(sources, ["mug", "key"], [image(i, source) for i in range(IMAGES)], "All.", ["duplicate"])
    strips = [("one", [(str(i), source) for i in range(13)])]
    view = View("Images", "a thousand", "teacher-only", "Used: the teacher.", gallery=gallery, strips=strips)
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(view).replace("</body>", DRIVER), encoding="utf-8")
    return path


def test_a_thousand_images_with_working_switches(page: Path) -> None:
    assert page.stat().st_size < 12e6
    found, console = browse(page, "--window-size=1200,900")
    assert not console
    assert found["count"] == "1,000 of 1,000 images" and found["shown"] == 42 and 0 < found["decoded"] <= 42
    assert found["atFirst"] == [True, False, False]
    assert found["switched"] == [False, True, True] and found["pressed"] == ["false", "true", "true"]
    assert found["ofClass"] == "100 of 1,000 images" and found["seen"] == "500 of 1,000 images"
    assert found["rejected"] == "250 of 1,000 images" and found["duplicates"] == "100 of 1,000 images"
    assert found["sure"] == ["0 of 1,000 images", False]
    assert found["worst"] == "0" and found["all"] == 1000
    assert found["opened"] == "00000007.png" and found["captions"] == ["mug", "mug 0.75"]
    assert found["next"] == "00000008.png" and found["previous"] == "00000006.png"
    assert found["closed"] is False and found["focus"] == "6" and found["overflow"] <= 0
