"""Which sections and keys of a .cfg are understood; messages with line numbers are in ``test_builder.py``."""

from pathlib import Path

import pytest

from diode_pl.detector import Darknet
from diode_pl.detector.darknet.cfg import ConfigError, Section
from diode_pl.detector.darknet.schema import check_section


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("convolutional", {"filters": "8", "pad": "1"}),  # read
        ("convolutional", {"learning_rate": "0.1", "stopbackward": "1"}),  # of training
        ("yolo", {"num": "9", "iou_loss": "ciou", "nms_kind": "greedynms"}),
        ("maxpool", {"antialiasing": "0"}),  # at the value at which it changes nothing
        ("shortcut", {"alpha": "1.0", "weights_type": "none"}),
    ],
)
def test_what_is_read_and_what_changes_nothing_is_accepted(kind: str, options: dict[str, str]) -> None:
    check_section(Section(kind, options, number=0))


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("lstm", {}, r"section 0 \[lstm\]: this section is not known here; expected one of convolutional"),
        ("net", {}, "this section is not known here"),  # stands first alone
        ("convolutional", {"momentum": "0.9"}, "momentum=0.9: this key is not known; expected one of filters"),
        ("avgpool", {"size": "2"}, "size=2: this key is not known; expected no key"),
        ("maxpool", {"maxpool_depth": "1"}, "maxpool_depth=1: this is not supported; expected maxpool_depth=0"),
        ("shortcut", {"weights_type": "per_feature"}, "expected weights_type=none, or no such line"),
    ],
)
def test_what_would_change_the_result_is_refused(kind: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_section(Section(kind, options, number=0))


@pytest.mark.parametrize(
    ("kind", "key", "refused"),
    [
        ("net", "batch", False),
        ("net", "width", True),
        ("convolutional", "stopbackward", False),
        ("convolutional", "filters", True),
        ("convolutional", "dilation", True),
        ("yolo", "random", False),
        ("yolo", "anchors", True),
    ],
)
def test_a_key_that_is_ignored_may_stand_twice(kind: str, key: str, refused: bool) -> None:
    section = Section(kind, {key: "1"}, number=-1 if kind == "net" else 0, lines={key: 3}, repeated={key: (5, "2")})
    if not refused:
        return check_section(section)
    with pytest.raises(ConfigError, match=f"line 3, {key}=1: line 5 sets it again, to 2; expected each key once"):
        check_section(section)


def test_a_shared_file_with_a_training_key_twice(shared_data: Path) -> None:
    if not (file := shared_data / "odd_files" / "darknet" / "09_same_key_other_value_training.cfg").is_file():
        pytest.skip("needs shared/data/odd_files")
    assert Darknet(file, None, ["cat", "dog"]).stride == 2
