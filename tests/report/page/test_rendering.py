"""HTML of a page: whole, escaped, and of nobody else's."""

import json
import re
from html.parser import HTMLParser
from typing import Any

from diode_pl.report.page.rendering import render
from diode_pl.report.page.view import Chart, Gallery, View

NASTY = '</script><b>"mug" & key'
IMAGE = {"name": NASTY, "w": 16, "h": 12, "src": "AAAA", "boxes": {"targets": [[0, 0, 8, 6, 0]]}, "seen": {}}


class Outline(HTMLParser):
    """Tags that are open, ids, and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.ids, self.addresses = list[str](), list[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "img", "input", "br", "path", "use"):
            self.open.append(tag)
        found = dict(attrs)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(**changes: Any) -> str:
    gallery = Gallery([("targets", "targets")], [NASTY], [IMAGE], NASTY)
    parts: dict[str, Any] = {
        "kind": "Images",
        "title": NASTY,
        "level": NASTY,
        "meaning": NASTY,
        "warnings": [NASTY],
        "figures": [(NASTY, NASTY, NASTY)],
        "gallery": gallery,
        "strips": [(NASTY, [("0", "AAAA")])],
        "sections": [(NASTY, NASTY, [Chart("<svg></svg>", NASTY)])],
        "tables": [(NASTY, [NASTY], [[NASTY, NASTY]])],
        "details": [(NASTY, NASTY)],
    }
    return render(View(**parts | changes))


def test_names_are_text_whatever_is_in_them() -> None:
    html = page()
    outline = Outline()
    outline.feed(html)
    assert outline.open == [] and len(set(outline.ids)) == len(outline.ids)
    assert "<b>" not in html and html.count("</script>") == 2
    data = re.search(r'id="data">(.*?)</script>', html, re.S)
    assert data is not None and json.loads(data[1])["classes"] == [NASTY]


def test_it_fetches_nothing() -> None:
    outline = Outline()
    outline.feed(page())
    assert all(each.startswith(("data:", "#")) for each in outline.addresses), outline.addresses
    assert "default-src 'none'" in page() and "http://" not in page().replace("http://www.w3.org/2000/svg", "")


def test_filters_stand_there_if_the_images_have_what_they_need() -> None:
    assert 'id="accepted"' not in page() and 'id="error"' not in page() and 'class="seen"' not in page()
    image = IMAGE | {"accepted": True, "seen": {"teacher": 0.5}}
    gallery = Gallery([("targets", "targets"), ("teacher", "teacher")], ["mug"], [image], "", ["both"])
    shown = page(gallery=gallery)
    assert 'id="accepted"' in shown and 'id="error"' in shown and shown.count('class="seen"') == 1


def test_without_images_there_is_no_script() -> None:
    assert "<script" not in page(gallery=None) and "<svg></svg>" in page(gallery=None)
