"""YOLOv3 and YOLOv3-tiny as Darknet sections."""

from collections.abc import Sequence

from diode_pl.detector.darknet.cfg import Section

# Width and height in pixels, smallest first: k-means over COCO's boxes.
_ANCHORS = (10, 13, 16, 30, 33, 23, 30, 61, 62, 45, 59, 119, 116, 90, 156, 198, 373, 326)
_TINY_ANCHORS = (10, 14, 23, 27, 37, 58, 81, 82, 135, 169, 344, 319)


def yolov3(
    spp: bool = False,
    classes: int = 80,
    width: float = 1.0,
    repeats: Sequence[int] = (1, 2, 8, 8, 4),
    anchors: Sequence[int | float] = _ANCHORS,
) -> list[Section]:
    """YOLOv3: Darknet-53 (the first 75 sections) and heads at strides 32, 16 and 8; 62 million parameters.

    Args:
        spp: whether to add spatial pyramid pooling before the first head, 63 million parameters.
        classes: number of classes.
        width: factor of the number of filters, which is at least 8; published weights need 1.
        repeats: residual blocks per stage; published weights need 1, 2, 8, 8, 4.
        anchors: nine widths and heights in pixels, smallest first.

    Raises:
        ValueError: if ``classes`` < 1, ``width`` <= 0, or there are not five stages or nine anchors.

    Source: Redmon and Farhadi, YOLOv3: An Incremental Improvement, 2018, sections 2.3, 2.4 and table 1; pooling:
    Huang et al., DC-SPP-YOLO, 2019.
    """
    if len(repeats) != 5 or min(repeats) < 0 or len(anchors) != 18:
        raise ValueError(f"repeats: five numbers >= 0, anchors: nine pairs; got {list(repeats)} and {list(anchors)}")
    sections, stage_ends = [_net(classes), _convolution(32, 3, width)], []
    for filters, count in zip((64, 128, 256, 512, 1024), repeats, strict=True):
        narrow = _convolution(filters // 2, 1, width)
        residual = [narrow, _convolution(filters, 3, width), _section("shortcut", **{"from": -3})]
        sections += [_convolution(filters, 3, width, stride=2), *residual * count]
        stage_ends.append(len(sections) - 2)  # counted without [net]
    for filters, backbone, mask in ((512, None, "6,7,8"), (256, stage_ends[3], "3,4,5"), (128, stage_ends[2], "0,1,2")):
        if backbone is not None:  # upsamples the map before the last 3x3 convolution, and appends the backbone's
            sections += [_section("route", layers=-4), _convolution(filters, 1, width)]
            sections += [_section("upsample", stride=2), _section("route", layers=f"-1,{backbone}")]
        narrow, wide = _convolution(filters, 1, width), _convolution(2 * filters, 3, width)
        sections += [narrow, wide, narrow]
        sections += [*_pyramid(), narrow] if spp and backbone is None else []
        sections += [wide, narrow, wide, *_head(mask, anchors, classes)]
    return sections


def yolov3_tiny(classes: int = 80, width: float = 1.0, anchors: Sequence[int | float] = _TINY_ANCHORS) -> list[Section]:
    """YOLOv3-tiny: seven convolutions with pooling and heads at strides 32 and 16; 8.9 million parameters.

    Args:
        classes, width: see :func:`yolov3`.
        anchors: widths and heights in pixels, smallest first: six, of which the first is unused, or nine for a third
            head at stride 8.

    Raises:
        ValueError: if ``classes`` < 1, ``width`` <= 0, or there are not six or nine anchors.

    Source: Redmon and Farhadi, YOLOv3, 2018, and the authors' description of the tiny network.

    Example:
        >>> [section.options["mask"] for section in yolov3_tiny(classes=2, width=0.1) if section.kind == "yolo"]
        ['3,4,5', '1,2,3']
    """
    if len(anchors) not in (12, 18):
        raise ValueError(f"anchors: six or nine pairs, got {list(anchors)}")
    sections = [_net(classes)]
    for filters in (16, 32, 64, 128, 256):
        sections += [_convolution(filters, 3, width), _section("maxpool", size=2, stride=2)]
    sections += [_convolution(512, 3, width), _section("maxpool", size=2, stride=1), _convolution(1024, 3, width)]
    sections += [_convolution(256, 1, width), _convolution(512, 3, width)]
    # Two heads share an anchor: the published weights use the second to the fourth on the finer grid.
    masks = ("3,4,5", "1,2,3") if len(anchors) == 12 else ("6,7,8", "3,4,5", "0,1,2")
    sections += _head(masks[0], anchors, classes)
    # Each finer head gets the upsampled map before the coarser one, and the backbone's map of its stride.
    for mask, filters, before, backbone in zip(masks[1:], (128, 64), (-4, -3), (8, 6), strict=False):
        sections += [_section("route", layers=before), _convolution(filters, 1, width)]
        sections += [_section("upsample", stride=2), _section("route", layers=f"-1,{backbone}")]
        sections += [_convolution(2 * filters, 3, width), *_head(mask, anchors, classes)]
    return sections


def _section(kind: str, **options: str | int) -> Section:
    return Section(kind, {key: str(value) for key, value in options.items()})


def _net(classes: int) -> Section:
    if classes < 1:
        raise ValueError(f"classes must be >= 1, got {classes}")
    return _section("net", width=416, height=416, channels=3)


def _convolution(filters: int, size: int, width: float, stride: int = 1) -> Section:
    if width <= 0:
        raise ValueError(f"width must be > 0, got {width}")
    form = {"filters": filters if width == 1 else max(8, round(filters * width)), "size": size, "stride": stride}
    return _section("convolutional", batch_normalize=1, activation="leaky", pad=1, **form)


def _pyramid() -> list[Section]:
    """Concatenation of a map and its max pooling over 13, 9 and 5 cells."""
    pool5, pool9, pool13 = (_section("maxpool", size=size, stride=1) for size in (5, 9, 13))
    back2, back4 = _section("route", layers=-2), _section("route", layers=-4)
    return [pool5, back2, pool9, back4, pool13, _section("route", layers="-1,-3,-5,-6")]


def _head(mask: str, anchors: Sequence[int | float], classes: int) -> list[Section]:
    filters = len(mask.split(",")) * (5 + classes)
    last = _section("convolutional", filters=filters, size=1, stride=1, pad=1, activation="linear")
    return [last, _section("yolo", mask=mask, anchors=",".join(map(str, anchors)), classes=classes)]
