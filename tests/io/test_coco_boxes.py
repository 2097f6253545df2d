"""Boxes around regions against those of the library that scores COCO results."""

from typing import Any

import numpy as np
import pytest
from faster_coco_eval.core import mask

from diode_pl.io.coco_boxes import read_bbox


def masks() -> list[Any]:
    """Regions of many shapes, of no pixel and of every one too."""
    draw, made = np.random.default_rng(0), [np.zeros((7, 5)), np.ones((7, 5)), np.eye(6), np.eye(90, 130, 30)]
    for share in (0.01, 0.1, 0.5, 0.9):
        made += [draw.random((int(draw.integers(1, 40)), int(draw.integers(1, 40)))) < share for _ in range(25)]
    large = np.zeros((900, 700))
    large[100:800, 50:600] = 1
    return [np.asfortranarray(each.astype(np.uint8)) for each in [*made, large]]


def test_run_length_codes_compressed_or_not() -> None:
    for each in masks():
        code = mask.encode(each)
        pixels = each.flatten(order="F")
        changes = np.flatnonzero(np.diff(pixels)) + 1
        runs = np.diff([0, *changes, pixels.size]).tolist()
        plain = {"counts": runs if not pixels[0] else [0, *runs], "size": list(each.shape)}
        packed = {"counts": code["counts"].decode(), "size": list(each.shape)}
        expected = mask.toBbox(code).tolist()
        image = float(each.shape[1]), float(each.shape[0])
        for region in (plain, packed):
            assert list(read_bbox({"segmentation": region}, image)) == expected
            assert list(read_bbox({"segmentation": region, "bbox": []})) == expected


def test_polygons() -> None:
    polygons = [[10.5, 4, 20, 4, 15, 30.25], [2, 8, 3, 8, 3, 9]]
    assert read_bbox({"segmentation": polygons, "bbox": None}) == (2, 4, 18, 26.25)
    assert read_bbox({"segmentation": polygons, "bbox": [1, 2, 3, 4]}) == (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("region", "reason"),
    [
        (None, "bbox must be four finite numbers"),
        ([], "bbox must be four finite numbers"),
        ([[1, 2, 3, 4]], "not a list of polygons of three points"),
        ([[1, 2, 3, 4, 5, "6"]], "not a list of polygons of three points"),
        ([[1, 2, 3, 4, 5, 1e39]], "not a list of polygons of three points"),
        ({}, "size of segmentation must be height and width, got None"),
        ({"size": [0, 4], "counts": []}, "size of segmentation must be height and width"),
        ({"size": [10**400, 4], "counts": []}, "size of segmentation must be height and width"),
        ({"size": [3, 4], "counts": [12]}, "is of 4 x 3 pixels in an image of 3 x 4"),
        ({"size": [4, 3]}, "no counts of runs"),
        ({"size": [4, 3], "counts": [11]}, "those of 11 pixels, of 12"),
        ({"size": [4, 3], "counts": [13, -1]}, "no counts of runs"),
        ({"size": [4, 3], "counts": [True]}, "no counts of runs"),
        ({"size": [4, 3], "counts": "o" * 10**6}, "not a run-length code"),
        ({"size": [4, 3], "counts": "\0"}, "not a run-length code"),
        ({"size": [4, 3], "counts": "oo"}, "are cut"),
        ({"size": [4, 3], "counts": "B"}, "no counts of runs"),
    ],
)
def test_what_is_no_region_is_refused(region: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as error:
        read_bbox({"segmentation": region}, (3.0, 4.0))
    assert len(str(error.value)) < 400
