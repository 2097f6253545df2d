"""Anchors for the boxes of a data set."""

from pathlib import Path

import pytest
import torch

from diode_pl import load_detector
from diode_pl.detector import Darknet, Section, load_weights_file, yolov3_tiny
from diode_pl.detector.darknet.anchors import fit_anchors, to_image_units
from diode_pl.detector.darknet.layers import YoloHead
from diode_pl.report import save_weights


def sizes(seed: int = 0) -> torch.Tensor:
    """Boxes of three shapes, a few pixels off."""
    draw = torch.Generator().manual_seed(seed)
    shapes = torch.tensor([[12.0, 30.0], [40.0, 40.0], [110.0, 60.0]])
    return (shapes[:, None] * (1 + 0.05 * torch.randn(3, 50, 2, generator=draw))).flatten(0, 1)


def test_clusters_are_the_shapes_that_occur() -> None:
    found = fit_anchors(sizes(), 3)
    torch.testing.assert_close(found, torch.tensor([[12.0, 30.0], [40.0, 40.0], [110.0, 60.0]]), rtol=0.03, atol=0)


def test_the_order_of_boxes_and_empty_ones_change_nothing() -> None:
    shuffled = torch.cat([sizes()[torch.randperm(150)], torch.tensor([[0.0, 5.0], [-1.0, 2.0]])])
    torch.testing.assert_close(fit_anchors(shuffled, 5), fit_anchors(sizes(), 5))


def test_they_cover_boxes_better_than_those_of_coco() -> None:
    def mean_iou(anchors: torch.Tensor) -> float:
        overlap = torch.minimum(sizes()[:, None], anchors).prod(2)
        return float((overlap / (sizes().prod(1)[:, None] + anchors.prod(1) - overlap)).max(1).values.mean())

    coco = torch.tensor([10, 14, 23, 27, 37, 58, 81, 82, 135, 169, 344, 319.0]).view(6, 2)
    assert mean_iou(fit_anchors(sizes(), 6)) > 0.9 > mean_iou(coco)


def test_too_few_sizes_are_an_error() -> None:
    with pytest.raises(ValueError, match="^anchors: cannot fit 6 to 2 different box sizes"):
        fit_anchors(torch.tensor([[1.0, 2.0], [3.0, 4.0], [3.0, 4.0]]), 6)


def test_a_detector_carries_them_in_its_heads_and_its_definition(tmp_path: Path) -> None:
    detector = Darknet(yolov3_tiny(1, width=0.05), None, ["raccoon"])
    detector.fit_anchors(sizes())
    fitted = fit_anchors(sizes(), 6)
    fine = [layer.anchors for layer in detector.layers if isinstance(layer, YoloHead)]
    torch.testing.assert_close(fine[0], fitted[3:]), torch.testing.assert_close(fine[1], fitted[1:4])
    again = Darknet(detector.sections, None, ["raccoon"])
    for one, other in zip(detector.layers, again.layers, strict=True):
        if isinstance(one, YoloHead):
            torch.testing.assert_close(one.anchors, other.anchors, rtol=0, atol=0.01)


def test_a_weights_file_keeps_them(tmp_path: Path) -> None:
    detector = Darknet(yolov3_tiny(1, width=0.05), None, ["raccoon"])
    detector.fit_anchors(sizes())
    save_weights(detector, tmp_path / "student.safetensors")
    rebuilt = load_weights_file(tmp_path / "student.safetensors")
    images = torch.rand(1, 3, 64, 64)
    one, other = (each.eval().decode(each(images)).boxes for each in (detector, rebuilt))
    torch.testing.assert_close(one, other, rtol=0, atol=1e-3)
    assert rebuilt.fingerprint() == detector.fingerprint()


def test_units_of_the_image_at_the_size_of_the_definition() -> None:
    net = Section("net", {"width": "200", "height": "100"})
    heads = [torch.tensor([[40.0, 20.0], [100.0, 150.0]]), torch.tensor([[10.0, 5.0], [40.0, 20.0]])]
    expected = torch.tensor([[0.05, 0.05], [0.2, 0.2], [0.5, 1.5]])  # one that heads share counts once
    torch.testing.assert_close(to_image_units(heads, net, None), expected)


def test_the_resolution_that_weights_were_trained_at_counts_instead() -> None:
    net, heads = Section("net", {"width": "200", "height": "100"}), [torch.tensor([[40.0, 20.0]])]
    torch.testing.assert_close(to_image_units(heads, net, 80), torch.tensor([[0.5, 0.25]]))


def test_a_detector_knows_the_size_of_its_anchors_from_its_definition_or_its_weights(tmp_path: Path) -> None:
    built, file = Darknet(yolov3_tiny(1, width=0.05), None, ["raccoon"]), tmp_path / "student.safetensors"
    pixels = torch.tensor([[23.0, 27], [37, 58], [81, 82], [135, 169], [344, 319]])  # that of COCO without the first
    torch.testing.assert_close(built.fitted_anchors(), pixels / 416)
    save_weights(built, file)
    torch.testing.assert_close(load_weights_file(file).fitted_anchors(), pixels / 416)
    save_weights(built, file, {"resolution": "160"})
    torch.testing.assert_close(load_weights_file(file).fitted_anchors(), pixels / 160)
    begun = Darknet(yolov3_tiny(1, width=0.05), file, ["raccoon"], partial=True)
    torch.testing.assert_close(begun.fitted_anchors(), pixels / 416)


def test_anchors_of_the_embedded_detector_are_fit_at_160_pixels() -> None:
    anchors = load_detector(weights="embedded").fitted_anchors()
    assert len(anchors) == 9
    torch.testing.assert_close(anchors[[0, -1]], torch.tensor([[18.0, 18.0], [106.0, 106.0]]) / 160)
