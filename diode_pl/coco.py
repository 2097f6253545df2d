"""COCO annotation files."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class LabelledImage:
    """One image of an annotation file.

    Args:
        file_name: as the file has it.
        boxes: x1, y1, x2, y2 in units of image width and height, in [0, 1].
        labels: positions in the file's class names.
    """

    file_name: str
    boxes: Float[Tensor, "m 4"]
    labels: Int[Tensor, " m"]


def read_coco(path: str | Path) -> tuple[list[LabelledImage], list[str]]:
    """Reads images and class names; crowd boxes and boxes without area are left out.

    Args:
        path: JSON with ``images``, ``categories`` and ``annotations``.

    Returns:
        Every image in the file's order, those without a box included, and the class names in the file's order.

    Raises:
        ValueError: the file cannot be read, or is no such JSON.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        names = [str(category["name"]) for category in content["categories"]]
        label = {category["id"]: i for i, category in enumerate(content["categories"])}
        boxes: dict[int, list[tuple[list[float], int]]] = {image["id"]: [] for image in content["images"]}
        for box in content["annotations"]:
            x, y, w, h = box["bbox"]
            if not box.get("iscrowd") and w > 0 and h > 0:
                boxes[box["image_id"]].append(([x, y, x + w, y + h], label[box["category_id"]]))
        images = []
        for image in content["images"]:
            corners = torch.tensor([box for box, _ in boxes[image["id"]]], dtype=torch.float32).reshape(-1, 4)
            size = torch.tensor([image["width"], image["height"]] * 2)
            labels = torch.tensor([name for _, name in boxes[image["id"]]], dtype=torch.long)
            images.append(LabelledImage(image.get("file_name", ""), (corners / size).clamp(0, 1), labels))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is no COCO annotation file: it needs images (id, width, height), categories (id, name) and "
            f"annotations (image_id, category_id, bbox); {type(error).__name__}: {error}"
        ) from error
    return images, names
