"""Boxes and their captions on pictures.

Not ``torchvision.utils.draw_bounding_boxes``: it puts captions inside their boxes, over what small ones show, and lets
them run out of the picture.
"""

import colorsys
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont


def draw_boxes(
    picture: Image.Image,
    boxes: Sequence[Sequence[float | int]],
    labels: Sequence[int],
    captions: Sequence[str],
    scale: float = 1.0,
) -> None:
    """Draws boxes in the color of their class, with captions, into an RGB picture.

    Args:
        picture: modified in place.
        boxes: x1, y1, x2, y2 in pixels; may exceed the picture.
        labels: class indices.
        captions: one per box.
        scale: factor of the size of lines and captions, for large pictures.
    """
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(round(12 * scale))
    items = list(zip(boxes, labels, captions, strict=True))
    # Large boxes first: small ones stay on top.
    items.sort(key=lambda item: (item[0][0] - item[0][2]) * (item[0][3] - item[0][1]))
    for (left, top, right, bottom), label, caption in items:
        color = _color(label)
        right, bottom = max(left, right - 1), max(top, bottom - 1)
        draw.rectangle((left, top, right, bottom), outline=color, width=round(2 * scale))
        text = draw.textbbox((0, 0), caption, font=font)
        # Above the box if there is room, else inside it; always within the picture.
        x = max(0, min(left, picture.width - text[2] - 4))
        y = top - text[3] - 4 if top > text[3] + 4 else max(0, top)
        draw.rectangle((x, y, x + text[2] + 4, y + text[3] + 4), fill=color)
        draw.text((x + 2, y + 1), caption, fill="black", font=font)


def _color(label: int) -> tuple[int, int, int]:
    """Hues a golden angle apart: neighboring labels look different."""
    red, green, blue = colorsys.hsv_to_rgb(label * 0.618034 % 1, 0.6, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)
