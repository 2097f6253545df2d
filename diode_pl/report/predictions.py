"""What detectors find, beside the truth."""

from collections.abc import Mapping, Sequence

from jaxtyping import Float, Int
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from diode_pl.io.drawing import draw_boxes
from diode_pl.io.images import to_pillow

# Boxes x1, y1, x2, y2 in units of image width and height, labels, and scores where there are any.
Found = tuple[Float[Tensor, "_ 4"], Int[Tensor, " _"], Float[Tensor, " _"] | None]

_CELL = 224  # pixels across: enough to read a caption
_CELLS = 6  # in a row of the page: with three columns two images stand side by side
_GAP, _WIDE_GAP, _HEADING = 4, 20, 24  # pixels


def prediction_sheet(
    images: Float[Tensor, "n 3 h w"],
    columns: Mapping[str, Sequence[Found]],
    class_names: Sequence[str],
    above: float = 0.0,
) -> Image.Image:
    """Draws every image once for each column, side by side, with the boxes of that column.

    Args:
        images: RGB in [0, 1].
        columns: by heading, for example truth, teacher and student: boxes (x1, y1, x2, y2 in units of the image),
            labels and scores or None for each image. All of them are drawn: leave out the unlikely ones before.
        class_names: by label.
        above: the score from which on detections were left in, in [0, 1]; where there is none, the picture says so.

    Raises:
        ValueError: there is no image or no column, or a column is not as long as ``images``.
    """
    if not len(images) or not columns:
        raise ValueError(f"expected images and columns, got {len(images)} images and the columns {list(columns)}")
    for heading, column in columns.items():
        if len(column) != len(images):
            raise ValueError(f"column {heading!r} has boxes for {len(column)} images, expected {len(images)}")
    height = max(1, round(_CELL * images.shape[2] / images.shape[3]))
    across = max(1, min(len(images), _CELLS // len(columns)))
    rows = -(-len(images) // across)
    group = len(columns) * (_CELL + _GAP) - _GAP + _WIDE_GAP
    size = (_GAP + across * group - _WIDE_GAP + _GAP, _HEADING + rows * (height + _GAP))
    sheet, font = Image.new("RGB", size, "white"), ImageFont.load_default(15)
    draw = ImageDraw.Draw(sheet)
    for place in range(across):
        for j, heading in enumerate(columns):
            draw.text((_GAP + place * group + j * (_CELL + _GAP), 3), heading, fill="black", font=font)
    for i, image in enumerate(images):
        picture = to_pillow(image).resize((_CELL, height), Image.Resampling.BICUBIC)
        for j, column in enumerate(columns.values()):
            left = _GAP + i % across * group + j * (_CELL + _GAP)
            cell = _with_boxes(picture, column[i], class_names)
            if column[i][2] is not None and not len(column[i][0]):
                _note(cell, f"nothing scores above {above:g}")
            sheet.paste(cell, (left, _HEADING + i // across * (height + _GAP)))
    return sheet


def _with_boxes(picture: Image.Image, found: Found, class_names: Sequence[str]) -> Image.Image:
    boxes, labels, scores = found
    picture, names = picture.copy(), [class_names[label] for label in labels.tolist()]
    if scores is not None:
        names = [f"{name} {score:.2f}" for name, score in zip(names, scores.tolist(), strict=True)]
    edges = boxes.detach().cpu() * boxes.new_tensor([picture.width, picture.height] * 2).cpu()
    draw_boxes(picture, edges.tolist(), labels.tolist(), names)
    return picture


def _note(picture: Image.Image, text: str) -> None:
    """A line in the upper left corner, readable on any picture."""
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(12)
    right, bottom = draw.textbbox((0, 0), text, font=font)[2:]
    draw.rectangle((0, 0, right + 4, bottom + 4), fill="white")
    draw.text((2, 1), text, fill="black", font=font)
