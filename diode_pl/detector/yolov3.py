"""YOLOv3 and YOLOv3-tiny, written from the paper as Darknet sections."""

from diode_pl.detector.cfg import Section

# Width and height in pixels, smallest first: k-means over COCO's boxes, of the paper and of the tiny network.
_ANCHORS = "10,13, 16,30, 33,23, 30,61, 62,45, 59,119, 116,90, 156,198, 373,326"
_TINY_ANCHORS = "10,14, 23,27, 37,58, 81,82, 135,169, 344,319"


def yolov3(spp: bool = False, classes: int = 80) -> list[Section]:
    """YOLOv3: Darknet-53 (the first 75 sections) and heads at strides 32, 16 and 8; 62 million parameters.

    Args:
        spp: with spatial pyramid pooling before the first head, 63 million parameters.
        classes: number of classes.

    Raises:
        ValueError: ``classes`` is below 1.

    Source: Redmon and Farhadi, YOLOv3: An Incremental Improvement, 2018, sections 2.3, 2.4 and table 1; pooling:
    Huang et al., DC-SPP-YOLO, 2019.
    """
    sections = [_net(classes), _convolution(32, 3)]
    for filters, repeats in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        residual = [_convolution(filters // 2, 1), _convolution(filters, 3), _section("shortcut", **{"from": -3})]
        sections += [_convolution(filters, 3, stride=2), *residual * repeats]
    for filters, backbone, mask in ((512, None, "6,7,8"), (256, 61, "3,4,5"), (128, 36, "0,1,2")):
        if backbone is not None:  # back to the map before the last 3x3 convolution, up, and beside the backbone's
            sections += [_section("route", layers=-4), _convolution(filters, 1)]
            sections += [_section("upsample", stride=2), _section("route", layers=f"-1,{backbone}")]
        narrow, wide = _convolution(filters, 1), _convolution(2 * filters, 3)
        sections += [narrow, wide, narrow]
        sections += [*_pyramid(), narrow] if spp and backbone is None else []
        sections += [wide, narrow, wide, *_head(mask, _ANCHORS, classes)]
    return sections


def yolov3_tiny(classes: int = 80, width: float = 1.0) -> list[Section]:
    """YOLOv3-tiny: seven convolutions with pooling and heads at strides 32 and 16; 8.9 million parameters.

    Args:
        classes: number of classes.
        width: factor on the filters of every layer but the heads, at least 8 are kept; published weights need 1.

    Raises:
        ValueError: ``classes`` is below 1 or ``width`` is not above 0.

    Source: Redmon and Farhadi, YOLOv3, 2018, and the authors' description of the tiny network.
    """
    if width <= 0:
        raise ValueError(f"width must be above 0, got {width}")

    def convolution(filters: int, size: int) -> Section:
        return _convolution(max(8, round(filters * width)), size)

    sections = [_net(classes)]
    for filters in (16, 32, 64, 128, 256):
        sections += [convolution(filters, 3), _section("maxpool", size=2, stride=2)]
    sections += [convolution(512, 3), _section("maxpool", size=2, stride=1), convolution(1024, 3)]
    sections += [convolution(256, 1), convolution(512, 3), *_head("3,4,5", _TINY_ANCHORS, classes)]
    sections += [_section("route", layers=-4), convolution(128, 1), _section("upsample", stride=2)]
    sections += [_section("route", layers="-1,8"), convolution(256, 3)]
    # Not 0,1,2: the published weights were trained with the second anchor to the fourth on the finer grid.
    return sections + _head("1,2,3", _TINY_ANCHORS, classes)


def _section(kind: str, **options: str | int) -> Section:
    return Section(kind, {key: str(value) for key, value in options.items()})


def _net(classes: int) -> Section:
    if classes < 1:
        raise ValueError(f"classes must be at least 1, got {classes}")
    return _section("net", width=416, height=416, channels=3)


def _convolution(filters: int, size: int, stride: int = 1) -> Section:
    form = {"filters": filters, "size": size, "stride": stride, "pad": 1}
    return _section("convolutional", batch_normalize=1, activation="leaky", **form)


def _pyramid() -> list[Section]:
    """The map beside its own maxima over windows of 5, 9 and 13 cells, widest first."""
    pool5, pool9, pool13 = (_section("maxpool", size=size, stride=1) for size in (5, 9, 13))
    back2, back4 = _section("route", layers=-2), _section("route", layers=-4)
    return [pool5, back2, pool9, back4, pool13, _section("route", layers="-1,-3,-5,-6")]


def _head(mask: str, anchors: str, classes: int) -> list[Section]:
    filters = len(mask.split(",")) * (5 + classes)
    last = _section("convolutional", filters=filters, size=1, stride=1, pad=1, activation="linear")
    return [last, _section("yolo", mask=mask, anchors=anchors, classes=classes)]
