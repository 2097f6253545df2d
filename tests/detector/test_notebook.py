"""A detector in a notebook."""

from pathlib import Path

import torch

from diode_pl.detector import Detections
from diode_pl.provenance import GIVEN_WEIGHTS
from tests.tiny import TinyDetector
from tests.tiny_network import tiny_network


def test_a_detector_says_what_it_knows_and_how_large_it_is(tmp_path: Path) -> None:
    detector = tiny_network(tmp_path)
    detector.provenance = GIVEN_WEIGHTS
    page = detector._repr_html_()
    count = sum(each.numel() for each in detector.parameters())
    for part in ("<b>Darknet</b>", "2: cat, dog", f"{count:,}", str(GIVEN_WEIGHTS)):
        assert part in page


def test_random_weights_and_many_classes() -> None:
    detector = TinyDetector()
    detector.class_names = tuple(f"c{i}" for i in range(80))
    page = detector._repr_html_()
    assert "80: c0, c1" in page and "c19, …" in page and "c20" not in page and "nothing: random weights" in page


def test_detections_are_a_table() -> None:
    found = Detections(torch.tensor([[0.0, 0.25, 0.5, 1.0]]), torch.tensor([0.5]), torch.tensor([7]))
    cells = "".join(f"<td>{cell}</td>" for cell in ("7", "0.500", "0.000", "0.250", "0.500", "1.000"))
    assert cells in found._repr_html_() and "<b>1 detections</b>" in found._repr_html_()
    nothing = Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.long))
    assert "<b>0 detections</b>" in nothing._repr_html_()
