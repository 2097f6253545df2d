"""How objects show themselves in a notebook: small pieces of HTML, with nothing that a page would have to fetch."""

import base64
from collections.abc import Mapping, Sequence
from html import escape

from PIL import Image

from diode_pl.io.images import encode_jpeg

_QUALITY = 85  # of JPEG files
_ROWS = 10  # of a table


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


def to_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A heading and the first rows of a table; numbers with a fraction have three digits of it.

    Example:
        >>> to_table("boxes", ["label", "score"], [[3, 0.5]])
        '<b>boxes</b><table><tr><th>label</th><th>score</th></tr><tr><td>3</td><td>0.500</td></tr></table>'
    """
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_show(cell)}</td>' for cell in row)}</tr>" for row in rows[:_ROWS])
    more = f"<p>and {len(rows) - _ROWS} more</p>" if len(rows) > _ROWS else ""
    return f"<b>{escape(title)}</b><table><tr>{head}</tr>{body}</table>{more}"


def _show(cell: object) -> str:
    return f"{cell:.3f}" if isinstance(cell, float) else escape(str(cell))
