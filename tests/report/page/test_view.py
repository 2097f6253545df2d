"""What a gallery offers depends on its images."""

from diode_pl.report.page.view import Gallery


def test_sources_that_measure_can_be_filtered_by() -> None:
    images = [{"boxes": {}, "seen": {"verifier": 0.5}}, {"boxes": {}, "seen": {}, "accepted": False}]
    sources = [("targets", "targets"), ("teacher", "teacher"), ("verifier", "verifier")]
    gallery = Gallery(sources, ["mug"], images, "")
    assert gallery.scored == [("verifier", "verifier")] and gallery.has_accepted
    assert gallery.data == {"sources": ["targets", "teacher", "verifier"], "classes": ["mug"], "images": images}
    assert not Gallery(sources, [], images[:1], "").has_accepted
