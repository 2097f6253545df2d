"""Boxes of COCO annotations: as they are stated, or around the region where only that is stated."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, TypeGuard

from diode_pl.io.annotation import is_single
from diode_pl.io.quoting import quote

Box = tuple[float, float, float, float]
_LARGEST = 2**31  # side in pixels, or length of a run
_MOST_DIGITS = 12  # of a number in a run-length code, each of 5 bits


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a number that fits into single precision; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and is_single(value)


def read_bbox(annotation: Mapping[str, Any], image: tuple[float, float] | None = None) -> Box:
    """Left, top, width and height in pixels; without ``bbox``, as in files of masks, those of ``segmentation``.

    Args:
        annotation: an entry of the file.
        image: width and height of the image in pixels, which a run-length code must have as well; None if unknown.

    Raises:
        ValueError: if the box is not four finite numbers, or the region is none.

    Example:
        >>> read_bbox({"segmentation": {"counts": [4, 2, 1, 1, 1], "size": [3, 3]}})
        (1.0, 1.0, 2.0, 2.0)
    """
    bbox, region = annotation.get("bbox") or None, annotation.get("segmentation")  # some programs write []
    if bbox is None and isinstance(region, Mapping):
        return _surround_runs(region, image)
    if bbox is None and isinstance(region, list) and region:
        return _surround_polygons(region)
    if not (isinstance(bbox, list) and len(bbox) == 4 and all(map(is_number, bbox))):
        raise ValueError(f"bbox must be four finite numbers, of single precision, got {quote(annotation.get('bbox'))}")
    x, y, w, h = map(float, bbox)
    return x, y, w, h


def _surround_polygons(polygons: Sequence[Any]) -> Box:
    whole = all(isinstance(each, list) and len(each) >= 6 and len(each) % 2 == 0 for each in polygons)
    if not whole or not all(is_number(value) for each in polygons for value in each):
        raise ValueError(
            f"bbox is missing, and segmentation is not a list of polygons of three points or more: {quote(polygons)}"
        )
    across, down = ([value for each in polygons for value in each[start::2]] for start in (0, 1))
    left, top = float(min(across)), float(min(down))
    return left, top, float(max(across)) - left, float(max(down)) - top


def _surround_runs(region: Mapping[str, Any], image: tuple[float, float] | None) -> Box:
    """Of a run-length code: lengths of runs of 0 and 1 by turns, column by column."""
    size, counts = region.get("size"), region.get("counts")
    if not (
        isinstance(size, list) and len(size) == 2 and all(type(side) is int and 0 < side < _LARGEST for side in size)
    ):
        raise ValueError(f"bbox is missing, and the size of segmentation must be height and width, got {quote(size)}")
    height, width = size
    if image is not None and (width, height) != image:
        other = f"{image[0]:g} x {image[1]:g}"
        raise ValueError(f"bbox is missing, and segmentation is of {width} x {height} pixels in an image of {other}")
    runs = _unpack(counts) if isinstance(counts, str) else counts
    if not (isinstance(runs, list) and all(type(run) is int and 0 <= run < _LARGEST for run in runs)):
        raise ValueError(f"bbox is missing, and segmentation has no counts of runs: {quote(counts)}")
    if sum(runs) != height * width:
        raise ValueError(
            f"bbox is missing, and the counts of segmentation are those of {sum(runs)} pixels, of {height * width}"
        )
    ends = list(accumulate(runs))
    spans = [(end - run, end - 1) for run, end in zip(runs[1::2], ends[1::2], strict=True) if run]
    if not spans:
        return 0.0, 0.0, 0.0, 0.0
    left, right = spans[0][0] // height, spans[-1][1] // height
    # One that goes on in the next column has the last row and the first one.
    tops = [first % height if first // height == last // height else 0 for first, last in spans]
    bottoms = [last % height if first // height == last // height else height - 1 for first, last in spans]
    top, bottom = min(tops), max(bottoms)
    return float(left), float(top), float(right - left + 1), float(bottom - top + 1)


def _unpack(code: str) -> list[int]:
    """Runs of a compressed code: digits of 5 bits, lowest first; from the fourth run on changes from two before."""
    runs, number, digits = list[int](), 0, 0
    for letter in code:
        value = ord(letter) - 48
        if not 0 <= value < 64 or digits >= _MOST_DIGITS:
            raise ValueError(
                f"bbox is missing, and the counts of segmentation are not a run-length code: {quote(code)}"
            )
        number |= (value & 31) << 5 * digits
        digits += 1
        if value & 32:  # more digits follow
            continue
        if value & 16:  # the sign
            number -= 1 << 5 * digits
        runs.append(number + runs[-2] if len(runs) > 2 else number)
        number, digits = 0, 0
    if digits:
        raise ValueError(f"bbox is missing, and the counts of segmentation are cut: {quote(code)}")
    return runs
