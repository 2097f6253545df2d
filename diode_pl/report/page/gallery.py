"""Images of a page with boxes of several sources, as plain data for its script."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

_IOU = 0.5  # from which a detection is of an object

Found = Mapping[str, Any]
"""``boxes`` (absolute x, y, w, h), ``labels`` and, of detections, ``scores`` and perhaps ``errors``."""


def describe_image(
    name: str,
    size: tuple[int, int],
    objects: Found,
    detections: Mapping[str, Found],
    known: Mapping[str, Collection[int]],
    objects_are: str,
) -> dict[str, Any]:
    """An image with its boxes; the caller adds the picture.

    Args:
        name: of the image.
        size: width and height in pixels.
        objects: boxes that are on the image, or should be.
        detections: by detector.
        known: labels of the classes that a detector has, if not all.
        objects_are: source of the objects, such as ``targets``.

    Returns:
        ``name``, ``w``, ``h``; ``boxes`` by source, each a list of x, y, w, h, label, score and error, the last ones
        missing where there are none; ``seen`` by detector, see :func:`lowest_score`.
    """
    boxes = {source: _rows(each) for source, each in ({objects_are: objects} | dict(detections)).items()}
    seen = {role: lowest_score(objects, each, known.get(role)) for role, each in detections.items()}
    return {
        "name": name,
        "w": size[0],
        "h": size[1],
        "boxes": boxes,
        "seen": {role: score for role, score in seen.items() if score is not None},
    }


def lowest_score(objects: Found, detections: Found, known: Collection[int] | None = None) -> float | None:
    """How sure a detector is of all objects: the lowest of the scores at which it finds each of them.

    Args:
        objects: boxes and labels; those whose class is not ``known`` are left out.
        detections: boxes, labels and scores; one of an object's class that overlaps it by half (IoU) finds it.
        known: labels; None for all.

    Returns:
        0 if it does not find one; None without objects, which cannot be measured.

    Example:
        >>> mug = {"boxes": [[0, 0, 10, 10]], "labels": [3]}
        >>> lowest_score(mug, mug | {"scores": [0.75]}), lowest_score(mug, mug | {"scores": [0.75]}, known=[1])
        (0.75, None)
    """
    scores = list[float]()
    for box, label in zip(objects["boxes"], objects["labels"], strict=True):
        if known is not None and label not in known:
            continue
        found = zip(detections["boxes"], detections["labels"], detections["scores"], strict=True)
        hits = [score for other, own, score in found if own == label and _overlap(box, other) >= _IOU]
        scores.append(max(hits, default=0.0))
    return min(scores, default=None)


def _rows(found: Found) -> list[list[Any]]:
    columns = [found["labels"], *(found[name] for name in ("scores", "errors") if name in found)]
    return [[*(round(value, 1) for value in box), *rest] for box, *rest in zip(found["boxes"], *columns, strict=True)]


def _overlap(a: Sequence[float | int], b: Sequence[float | int]) -> float:
    """Intersection over union; pair by pair, since there are few of each image."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    inner = max(0.0, width) * max(0.0, height)
    return inner / max(a[2] * a[3] + b[2] * b[3] - inner, 1e-12)
