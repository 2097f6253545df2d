"""How objects show themselves in a notebook: small pieces of HTML, with nothing that a page would have to fetch."""

import base64
from collections.abc import Mapping
from html import escape

from PIL import Image

from diode_pl.io.images import encode_jpeg

_QUALITY = 85  # of JPEG files


def to_html(title: str, facts: Mapping[str, object], picture: Image.Image | None = None) -> str:
    """A heading, facts by name, and a picture.

    Example:
        >>> to_html("Synthetic", {"images": 3})
        '<b>Synthetic</b><table><tr><th>images</th><td>3</td></tr></table>'
    """
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(str(fact))}</td></tr>" for name, fact in facts.items())
    shown = ""
    if picture is not None:
        content = base64.b64encode(encode_jpeg(picture, _QUALITY)).decode()
        shown = f'<img alt="{escape(title)}" src="data:image/jpeg;base64,{content}" style="max-width: 100%">'
    return f"<b>{escape(title)}</b><table>{rows}</table>{shown}"
