"""Pieces of HTML for notebooks."""

import base64
import io
import re

from PIL import Image

from diode_pl.io.notebook import to_html


def test_names_and_values_are_escaped_and_the_picture_is_inside() -> None:
    page = to_html("<Set>", {"a<b": "1 & 2"}, Image.new("RGB", (6, 4), "red"))
    assert page.startswith("<b>&lt;Set&gt;</b>") and "<th>a&lt;b</th><td>1 &amp; 2</td>" in page
    found = re.search(r'src="data:image/jpeg;base64,([^"]+)"', page)
    assert found is not None
    assert Image.open(io.BytesIO(base64.b64decode(found[1]))).size == (6, 4)
