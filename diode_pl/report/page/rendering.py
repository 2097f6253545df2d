"""HTML of a page."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from diode_pl.report.page.view import View


def render(view: View) -> str:
    """The HTML file of a page: style, script and pictures are inside, and nothing is fetched.

    All text is escaped; charts are our own SVG, whose text is escaped where it is drawn.
    """
    environment = _environment()
    sources = {name: _read(name) for name in ("style.css", "gallery.js")}
    return environment.get_template("page.html.j2").render(
        view=view, style=Markup(sources["style.css"]), script=Markup(sources["gallery.js"])
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("diode_pl.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "ensure_ascii": False}
    return environment


def _read(name: str) -> str:
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), name)[0]
