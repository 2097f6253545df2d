"""The page of a set: what is known is on it, and what is not known is not."""

from pathlib import Path

from diode_pl.report.page.set_view import view_set
from diode_pl.report.page.synthetic_set import read_set
from tests.report.page.runs import accept, write_set


def test_a_whole_set(tmp_path: Path) -> None:
    view = view_set(read_set(write_set(tmp_path / "first")))
    assert (view.kind, view.title, view.level) == ("Images", "first", "teacher-only") and not view.warnings
    figures = {name: (value, note) for name, value, note in view.figures}
    assert figures["images"] == ("6", "16 px") and figures["teacher’s mAP@0.5"][0] == "0.500"
    assert figures["per image"] == ("0.667 s", "4 s in all") and "accepted" not in figures
    assert view.gallery is not None and [key for key, _ in view.gallery.sources] == ["targets", "teacher", "verifier"]
    assert not view.gallery.has_accepted and [key for key, _ in view.gallery.scored] == ["teacher", "verifier"]
    assert [heading for heading, _, _ in view.sections] == ["How they came about", "What is on them", "What they cost"]
    charts = "".join(chart.svg for _, _, each in view.sections for chart in each)
    for title in (
        "Loss terms",
        "Weights of the terms",
        "Batch norm distance",
        "Boxes per class",
        "Size",
        "Objects per",
    ):
        assert title in charts, title
    assert "anchors of the teacher" in charts and len(view.strips[0][1]) == 3


def test_one_that_is_not_complete_says_so_first(tmp_path: Path) -> None:
    view = view_set(read_set(write_set(tmp_path, planned=9)))
    assert view.warnings == ["The set is not complete: 6 of 9 images are there."]


def test_without_notes_there_are_no_empty_charts(tmp_path: Path) -> None:
    view = view_set(read_set(write_set(tmp_path, batches=1, noted=False)))
    assert [heading for heading, _, _ in view.sections] == ["What is on them"] and not view.strips
    assert view.gallery is not None and "was not recorded" in view.gallery.note


def test_the_cost_of_an_accepted_image(tmp_path: Path) -> None:
    accept(write_set(tmp_path))
    view = view_set(read_set(tmp_path))
    assert ("accepted", "4", "1 s each") in view.figures
    assert view.gallery is not None and view.gallery.has_accepted
