"""What the template of a page takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from diode_pl.report.page.comparison import Comparison


@dataclass
class Gallery:
    """Images with boxes of several sources, which the page's script shows.

    Args:
        sources: key and name of each, in the order of their switches.
        classes: names by label.
        images: see :func:`~diode_pl.report.page.gallery.describe_image`.
        note: what is shown, in a sentence.
        kinds: types of errors that boxes may have.
    """

    sources: Sequence[tuple[str, str]]
    classes: Sequence[str]
    images: Sequence[Mapping[str, Any]]
    note: str
    kinds: Sequence[str] = ()

    @property
    def has_accepted(self) -> bool:
        """Whether any image says if it is accepted."""
        return any("accepted" in image for image in self.images)

    @property
    def scored(self) -> list[tuple[str, str]]:
        """Key and name of the sources that say how sure they are of the objects of an image."""
        return [source for source in self.sources if any(source[0] in image["seen"] for image in self.images)]

    @property
    def data(self) -> dict[str, Any]:
        """For the script."""
        return {"sources": [key for key, _ in self.sources], "classes": list(self.classes), "images": list(self.images)}


@dataclass
class Chart:
    """A chart with a sentence on how to read it."""

    svg: str
    note: str = ""


@dataclass
class View:
    """A page.

    Args:
        kind: what it is the page of, such as ``Images``.
        title: name of the run.
        level: data access level.
        meaning: of the level, in a sentence.
        about: what it was made from, in a sentence; may be empty.
        warnings: what the reader must know first.
        figures: heading, value and note of each key figure.
        gallery: images with boxes.
        strips: title, and caption and picture (base64 of a JPEG file) of each frame.
        sections: heading, introduction and charts.
        tables: heading, column names and rows.
        picture: title and base64 of a JPEG file.
        comparison: with other runs.
        chart_of_runs: SVG of their scores; empty if they have none.
        details: heading and text of what is folded away.
    """

    kind: str
    title: str
    level: str
    meaning: str
    about: str = ""
    warnings: list[str] = field(default_factory=list)
    figures: list[tuple[str, str, str]] = field(default_factory=list)
    gallery: Gallery | None = None
    strips: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)
    sections: list[tuple[str, str, list[Chart]]] = field(default_factory=list)
    tables: list[tuple[str, list[str], list[list[str]]]] = field(default_factory=list)
    picture: tuple[str, str] | None = None
    comparison: Comparison | None = None
    chart_of_runs: str = ""
    details: list[tuple[str, str]] = field(default_factory=list)
