"""Tables in HTML, by which objects show themselves in a notebook."""

from collections.abc import Sequence
from html import escape

_ROWS = 10  # that are shown


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
