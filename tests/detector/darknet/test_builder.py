from pathlib import Path

import pytest

from diode_pl.detector.darknet.builder import build_layers
from diode_pl.detector.darknet.cfg import ConfigError, Section, number_sections, read_cfg

NET = "[net]\nwidth=64\nheight=32\n"  # lines 1 to 3
CONV = "[convolutional]\nfilters=12\nsize=3\npad=1\nactivation=leaky\n"  # 5 lines each


def build(path: Path, text: str) -> list:
    file = path / "some.cfg"
    file.write_text(text)
    return build_layers(read_cfg(file))


def test_shapes_and_wiring(tmp_path: Path) -> None:
    text = (
        NET
        + CONV.replace("size=3", "size=3\nstride=2")  # 0: 12 x 16 x 32
        + "[maxpool]\nsize=2\nstride=2\n"  # 1: 12 x 8 x 16
        + "[maxpool]\nsize=2\nstride=1\n"  # 2
        + "[convolutional]\nfilters=6\nsize=3\npadding=0\nactivation=linear\n"  # 3: 6 x 6 x 14
        + "[route]\nlayers=-2\n"  # 4: 12 x 8 x 16
        + "[upsample]\nstride=2\n"  # 5: 12 x 16 x 32
        + "[shortcut]\nfrom=0\nactivation=linear\n"  # 6
        + "[dropout]\nprobability=.2\n"  # 7
        + "[avgpool]\n"  # 8: 12 x 1 x 1
        + "[scale_channels]\nfrom=-2\n"  # 9: 12 x 16 x 32
        + "[route]\nlayers=-1,0\ngroups=2\ngroup_id=1\n"  # 10: 12 x 16 x 32
        + "[yolo]\nmask=1,2\nanchors=1,2, 3,4, 5,6\nclasses=1\n"
    )
    built = build(tmp_path, text)
    assert [layer.sources for layer in built] == [
        (-1,), (0,), (1,), (2,), (2,), (4,), (5, 0), (6,), (7,), (8, 7), (9, 0), (10,)
    ]  # fmt: skip
    assert [str(layer.shape) for layer in built] == [
        "12 x 16 x 32", "12 x 8 x 16", "12 x 8 x 16", "6 x 6 x 14", "12 x 8 x 16", "12 x 16 x 32", "12 x 16 x 32",
        "12 x 16 x 32", "12 x 1 x 1", "12 x 16 x 32", "12 x 16 x 32", "12 x 16 x 32",
    ]  # fmt: skip
    assert built[3].shape.stride == 4 and built[5].shape.stride == 2
    assert built[-1].module.anchors.tolist() == [[3, 4], [5, 6]]


def test_darknets_defaults(tmp_path: Path) -> None:
    convolution = build(tmp_path, NET + "[convolutional]\nfilters=3\n")[0].module
    assert convolution.conv.kernel_size == (1, 1) and convolution.conv.stride == (1, 1)
    assert convolution.activation == "logistic" and convolution.norm is None
    pool = build(tmp_path, NET + "[maxpool]\nstride=2\n")[0].module
    assert (pool.size, pool.stride, pool.padding) == (2, 2, 1)


def test_pad_wins_over_padding(tmp_path: Path) -> None:
    five = "[convolutional]\nfilters=3\nsize=5\npad={}\npadding=1\nactivation=linear\n"
    assert build(tmp_path, NET + five.format(1))[0].module.conv.padding == (2, 2)
    assert build(tmp_path, NET + five.format(0))[0].module.conv.padding == (1, 1)


def test_keys_of_training_are_accepted(tmp_path: Path) -> None:
    net = NET + "batch=64\nlearning_rate=0.1\nburn_in=5\nmosaic=1\nletter_box=1\n"
    yolo = (
        "[yolo]\nanchors=1,2, 3,4\nclasses=1\nnum=2\njitter=.3\nignore_thresh=.7\niou_loss=ciou\nnms_kind=greedynms\n"
    )
    assert len(build(tmp_path, net + CONV + yolo)) == 2


def test_neutral_values_are_accepted(tmp_path: Path) -> None:
    conv = CONV + "dilation=1\nantialiasing=0\nflipped=0\nxnor=0\ndontload=0\n"
    shortcut = "[shortcut]\nfrom=-2\nweights_type=none\nweights_normalization=softmax\nalpha=1.0\n"
    yolo = "[yolo]\nanchors=1,2, 3,4\nclasses=1\nnew_coords=0\n"
    assert len(build(tmp_path, NET + conv + CONV + shortcut + yolo)) == 4


YOLO = "[yolo]\nanchors=1,2, 3,4\nclasses=1\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            NET + "[connected]\noutput=3\n",
            "section 0 [connected], line 4: this section is not known here; expected one of",
        ),
        (NET + CONV + NET, "section 1 [net], line 9: this section is not known here"),
        (
            NET + CONV + "speed=3\n",
            "section 0 [convolutional], line 9, speed=3: this key is not known; expected one of",
        ),
        (
            NET + CONV.replace("filters=12", "filters=99999999"),
            "filters=99999999: 2699999973 weights so far; expected at most 200,000,000",
        ),
        (NET + "color=3\n" + CONV, "section -1 [net], line 4, color=3: this key is not known"),
        (NET + "channels=1\n" + CONV, "line 4, channels=1: images have three channels; expected channels=3"),
        ("[net]\nwidth=64\n" + CONV, "section -1 [net], line 1: no key 'height'; expected a line height=..."),
        (
            NET + CONV + "dilation=2\n",
            "line 9, dilation=2: this is not supported; expected dilation=1, or no such line",
        ),
        (NET + CONV + "antialiasing=1\n", "antialiasing=1: this is not supported; expected antialiasing=0"),
        (NET + CONV + "assisted_excitation=4000\n", "assisted_excitation=4000: this is not supported"),
        (NET + CONV + "stretch=1\n", "stretch=1: this is not supported"),
        (NET + CONV + "deform=1\n", "deform=1: this is not supported"),
        (NET + CONV + "flipped=yes\n", "flipped=yes: this is not supported; expected flipped=0"),
        (NET + CONV + YOLO + "new_coords=1\n", "section 1 [yolo], line 12, new_coords=1: this is not supported"),
        (NET + CONV + CONV + "[shortcut]\nfrom=-2\nweights_type=per_channel\n", "expected weights_type=none"),
        (NET + CONV + "[upsample]\nreverse=1\n", "reverse=1: this is not supported"),
        (NET + CONV + "[maxpool]\nstride_x=2\n", "stride_x=2: this key is not known; expected one of size, stride"),
        (NET + CONV + "[avgpool]\nsize=2\n", "size=2: this key is not known; expected no key"),
        (NET + CONV.replace("leaky", "selu"), "line 8, activation=selu: this activation is not known; expected one of"),
        (NET + CONV + "groups=5\n", "groups=5: 3 channels in, 12 out; expected multiples of groups"),
        (NET + CONV + "batch_normalize=2\n", "batch_normalize=2: 2; expected 0 or 1"),
        (NET + "[convolutional]\nsize=3\n", "section 0 [convolutional], line 4: no key 'filters'"),
        (NET + CONV + "[route]\nlayers=1\n", "section 1 [route], line 10, layers=1: there is no layer 1 before it"),
        (NET + CONV + "[route]\nlayers=5\n", "there is no layer 5 before it; expected layers 0 to 0"),
        (NET + CONV + "[route]\nlayers=-2\n", "there is no layer -1 before it; expected layers 0 to 0"),
        (NET + CONV + "[route]\n", "section 1 [route], line 9: no key 'layers'"),
        (NET + CONV + "[route]\nlayers=\n", "no layer is given; expected at least one layer number"),
        (NET + CONV + "[route]\nlayers=-1\ngroups=2\ngroup_id=2\n", "group_id=2: group 2 of 2; expected 0 to 1"),
        (
            NET + CONV + "[maxpool]\nstride=2\n[route]\nlayers=-1,0\n",
            "section 2 [route], line 12, layers=-1,0: it joins maps of 12 x 16 x 32 and 12 x 32 x 64; expected one",
        ),
        (
            NET + CONV + CONV.replace("12", "8") + "[shortcut]\nfrom=-2\n",
            "section 2 [shortcut], line 15, from=-2: it adds maps of 8 x 32 x 64 and 12 x 32 x 64; expected one shape",
        ),
        (NET + CONV + "[shortcut]\nfrom=1\n", "from=1: there is no layer 1 before it"),
        (
            NET + CONV + "[scale_channels]\nfrom=0\n",
            "it multiplies maps of 12 x 32 x 64 and 12 x 32 x 64; expected c x 1 x 1",
        ),
        (
            NET + CONV + YOLO + CONV,
            "section 2 [convolutional], line 12: it reads layer 1, a [yolo], which yields no map",
        ),
        (NET + CONV + YOLO + "[route]\nlayers=-1\n", "it reads layer 1, a [yolo], which yields no map"),
        (NET + CONV + "[yolo]\nanchors=1,2,3\nclasses=1\n", "anchors=1,2,3: 3 numbers; expected pairs"),
        (
            NET + CONV + "[yolo]\nanchors=1,2\nmask=1\nclasses=1\n",
            "mask=1: there are 1 anchors; expected numbers from 0 to 0",
        ),
        (
            NET + CONV + YOLO.replace("classes=1", "classes=80"),
            "line 11, classes=80: 12 channels come in; expected 2 anchors x (5 + 80 classes) = 170",
        ),
        (NET + CONV + "[dropout]\nprobability=2\n", "probability=2: 2; expected a number in [0, 1]"),
        (
            NET + "[convolutional]\nfilters=3\nsize=99\n",
            "nothing is left of a map of 3 x 32 x 64; expected a larger image",
        ),
        (NET + CONV + "[maxpool]\nsize=2\npadding=4\n", "padding=4: windows would lie outside the map"),
    ],
)
def test_errors_say_where_what_and_what_instead(tmp_path: Path, text: str, wanted: str) -> None:
    with pytest.raises(ConfigError) as error:
        build(tmp_path, text)
    assert str(error.value).startswith(f"{tmp_path / 'some.cfg'}, section ")
    assert wanted in str(error.value)


def test_errors_of_sections_in_code() -> None:
    sections = [Section("net", {"width": "8", "height": "8"}), Section("convolutional", {"filters": "0"})]
    with pytest.raises(ConfigError, match=r"mine, section 0 \[convolutional\], filters=0: 0; expected a whole number"):
        build_layers(number_sections(sections, "mine"))
