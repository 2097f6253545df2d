"""Images of a page with boxes of several sources, as plain data for its script."""

from collections.abc import Collection, Mapping
from typing import Any

from diode_pl.data.accept.sightings import Found, best_scores


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
    scores = [score for score in best_scores(objects, detections, known) if score is not None]
    return min(scores, default=None)


def _rows(found: Found) -> list[list[Any]]:
    columns = [found["labels"], *(found[name] for name in ("scores", "errors") if name in found)]
    return [[*(round(value, 1) for value in box), *rest] for box, *rest in zip(found["boxes"], *columns, strict=True)]
