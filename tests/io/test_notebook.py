"""Pieces of HTML for notebooks."""

import base64
import io
import re

from PIL import Image

from diode_pl.io.notebook import to_html, to_table


def test_names_and_values_are_escaped_and_the_picture_is_inside() -> None:
    page = to_html("<Set>", {"a<b": "1 & 2"}, Image.new("RGB", (6, 4), "red"))
    assert page.startswith("<b>&lt;Set&gt;</b>") and "<th>a&lt;b</th><td>1 &amp; 2</td>" in page
    found = re.search(r'src="data:image/jpeg;base64,([^"]+)"', page)
    assert found is not None
    assert Image.open(io.BytesIO(base64.b64decode(found[1]))).size == (6, 4)


def test_a_long_table_says_how_much_is_left_out() -> None:
    page = to_table("boxes", ["n", "<x>"], [[i, i / 8] for i in range(13)])
    assert page.count("<tr>") == 11 and page.endswith("<p>and 3 more</p>") and "<td>9</td><td>1.125</td>" in page
    assert "<th>&lt;x&gt;</th>" in page
