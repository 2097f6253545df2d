"""Pictures of detections and classified crops with their ground truth."""

from collections.abc import Mapping, Sequence

from jaxtyping import Float, Int
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from diode_pl.detector import Detections
from diode_pl.io.drawing import draw_boxes
from diode_pl.io.images import make_grid, to_pillow
from diode_pl.targets import Targets

_CELL = 224  # pixels across an image: enough to read a caption
_CELLS = 6  # in a row of the page: with three columns two images stand side by side
_GAP, _WIDE_GAP, _HEADING = 4, 20, 24  # pixels
_CROP, _CROPS = 112, 8  # pixels across a crop, enough to read a name below it; crops in a row
_FRAME, _LINE = 4, 17  # pixels
_RIGHT, WRONG = "#e8e8e8", "#d55e00"


def draw_predictions(
    images: Float[Tensor, "n 3 h w"],
    targets: Targets,
    detections: Mapping[str, Sequence[Detections]],
    class_names: Sequence[str],
    above: float = 0.0,
) -> Image.Image:
    """Draws every image once with its true boxes and once per detector, side by side.

    Args:
        images: RGB in [0, 1].
        detections: per detector, by heading, one entry per image; all are drawn.
        above: score threshold of the detections, in [0, 1], for images without one.

    Raises:
        ValueError: if there are no images, or the numbers of images differ.
    """
    if not len(images):
        raise ValueError("expected images, got 0 images")
    counts = {"truth": targets.batch_size} | {name: len(each) for name, each in detections.items()}
    for heading, count in counts.items():
        if count != len(images):
            raise ValueError(f"column {heading!r} has boxes for {count} images, expected {len(images)}")
    headings = ("truth", *detections)
    height = max(1, round(_CELL * images.shape[2] / images.shape[3]))
    across = max(1, min(len(images), _CELLS // len(headings)))
    rows = -(-len(images) // across)
    group = len(headings) * (_CELL + _GAP) - _GAP + _WIDE_GAP
    size = (_GAP + across * group - _WIDE_GAP + _GAP, _HEADING + rows * (height + _GAP))
    sheet, font = Image.new("RGB", size, "white"), ImageFont.load_default(15)
    draw = ImageDraw.Draw(sheet)
    for place in range(across):
        for j, heading in enumerate(headings):
            draw.text((_GAP + place * group + j * (_CELL + _GAP), 3), heading, fill="black", font=font)
    for i, (image, (boxes, labels)) in enumerate(zip(images, targets.per_image(), strict=True)):
        picture = to_pillow(image).resize((_CELL, height), Image.Resampling.BICUBIC)
        cells = [_draw(picture, boxes, labels, [class_names[label] for label in labels.tolist()])]
        for column in detections.values():
            found = zip(column[i].labels.tolist(), column[i].scores.tolist(), strict=True)
            captions = [f"{class_names[label]} {score:.2f}" for label, score in found]
            cells.append(_draw(picture, column[i].boxes, column[i].labels, captions))
            if not captions:
                _note(cells[-1], f"nothing scores above {above:g}")
        for j, cell in enumerate(cells):
            left = _GAP + i % across * group + j * (_CELL + _GAP)
            sheet.paste(cell, (left, _HEADING + i // across * (height + _GAP)))
    return sheet


def _draw(
    picture: Image.Image, boxes: Float[Tensor, "m 4"], labels: Int[Tensor, " m"], captions: Sequence[str]
) -> Image.Image:
    picture = picture.copy()
    edges = boxes.detach().cpu() * boxes.new_tensor([picture.width, picture.height] * 2).cpu()
    draw_boxes(picture, edges.tolist(), labels.tolist(), captions)
    return picture


def _note(picture: Image.Image, text: str) -> None:
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(12)
    right, bottom = draw.textbbox((0, 0), text, font=font)[2:]
    draw.rectangle((0, 0, right + 4, bottom + 4), fill="white")
    draw.text((2, 1), text, fill="black", font=font)


def draw_crops(
    crops: Float[Tensor, "n 3 h w"], truth: Int[Tensor, " n"], found: Int[Tensor, " n"], class_names: Sequence[str]
) -> Image.Image:
    """Draws crops in [0, 1] side by side with their class names below; wrong ones are framed, with the predicted name.

    Raises:
        ValueError: if there are no crops.
    """
    if not len(crops):
        raise ValueError("expected crops to draw, got none")
    labels = zip(crops, truth.tolist(), found.tolist(), strict=True)
    cells = [_draw_crop(crop, class_names[own], class_names[predicted]) for crop, own, predicted in labels]
    return make_grid(cells, min(_CROPS, len(cells)))


def _draw_crop(crop: Tensor, name: str, predicted: str) -> Image.Image:
    side, color = _CROP + 2 * _FRAME, _RIGHT if predicted == name else WRONG
    cell, font = Image.new("RGB", (side, side + 2 * _LINE), "white"), ImageFont.load_default(12)
    draw = ImageDraw.Draw(cell)
    draw.rectangle((0, 0, side - 1, side - 1), fill=color)
    cell.paste(to_pillow(crop).resize((_CROP, _CROP), Image.Resampling.BICUBIC), (_FRAME, _FRAME))
    draw.text((_FRAME, side + 1), name, fill="black", font=font)
    if predicted != name:
        draw.text((_FRAME, side + _LINE), f"taken for {predicted}", fill=WRONG, font=font)
    return cell
