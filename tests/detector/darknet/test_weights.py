from pathlib import Path

import pytest
import torch

from diode_pl.detector import ConfigError, Darknet, yolov3_tiny
from diode_pl.detector.darknet.layers import Convolution, YoloHead
from diode_pl.detector.darknet.weights import read_floats
from diode_pl.detector.partial_weights import FOR_OTHER_CLASSES
from tests.detector.darknet.small_network import (
    CFG,
    COUNT,
    NAMES,
    positive_variances,
    some_numbers,
    weights_bytes,
    write_network,
)


@pytest.mark.parametrize("version", [(0, 1), (0, 2), (0, 2), (1, 0), (2, 5)])
def test_both_headers(tmp_path: Path, version: tuple[int, int]) -> None:
    file, numbers = tmp_path / "a.weights", some_numbers(7)
    file.write_bytes(weights_bytes(numbers, version))
    assert len(file.read_bytes()) == (20 if version >= (0, 2) else 16) + 7 * 4
    assert torch.equal(read_floats(file), numbers)


def test_a_network_is_the_same_behind_both_headers(tmp_path: Path) -> None:
    cfg, weights = write_network(tmp_path)
    old = tmp_path / "old.weights"
    old.write_bytes(weights_bytes(positive_variances(some_numbers()), (0, 1)))
    a, b = Darknet(cfg, weights, NAMES).state_dict(), Darknet(cfg, old, NAMES).state_dict()
    assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("content", [b"", b"\0" * 11])
def test_no_header(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.weights"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"a.weights: found {len(content)} bytes; expected a header of at least 16"):
        read_floats(file)


def test_cut_off_inside_a_number(tmp_path: Path) -> None:
    file = tmp_path / "a.weights"
    file.write_bytes(weights_bytes(some_numbers(5))[:-1])
    with pytest.raises(ConfigError, match=r"found 39 bytes; expected a header of 20 \(version 0.2\).*truncated"):
        read_floats(file)


def test_header_only(tmp_path: Path) -> None:
    file = tmp_path / "a.weights"
    file.write_bytes(weights_bytes(torch.zeros(0)))
    assert read_floats(file).shape == (0,)


@pytest.mark.parametrize(
    ("difference", "section", "found"),
    [
        (-1, 16, f"ends here with {COUNT - 1} numbers"),
        (-COUNT + 9, 0, "ends here with 9 numbers"),
        (1, 16, f"has {COUNT + 1} numbers"),
    ],
)
def test_wrong_count(tmp_path: Path, difference: int, section: int, found: str) -> None:
    cfg, weights = write_network(tmp_path)
    weights.write_bytes(weights_bytes(some_numbers(COUNT + difference)))
    with pytest.raises(ConfigError) as error:
        Darknet(cfg, weights, NAMES)
    line = [i for i, text in enumerate(CFG.splitlines(), 1) if text.startswith("[")][section + 1]
    assert str(error.value) == (
        f"{cfg}, section {section} [convolutional], line {line}: {weights} {found}; "
        f"expected {COUNT} numbers for this network; {FOR_OTHER_CLASSES}"
    )


def test_random_weights_keep_the_signal_and_expect_few_objects() -> None:
    layers = list(Darknet(yolov3_tiny(2, width=0.5), None, ["cat", "dog"]).layers)
    inside, heads = [], []
    for layer, following in zip(layers, layers[1:], strict=False):
        if isinstance(layer, Convolution):
            (heads if isinstance(following, YoloHead) else inside).append(layer.conv)
    for conv in inside:
        kaiming = (2 / (1 + 0.1**2) / conv.weight[0].numel()) ** 0.5
        assert float(conv.weight.detach().std()) == pytest.approx(kaiming, rel=0.1)
        assert conv.bias is None or not conv.bias.any()
    assert len(heads) == 2 and len(inside) > 8
    for conv in heads:
        assert float(conv.weight.detach().std()) == pytest.approx(0.01, rel=0.1)
        rows = conv.bias.detach().view(-1, 7)
        torch.testing.assert_close(rows[:, 4].sigmoid(), torch.full((len(rows),), 0.01))
        assert not rows[:, [0, 1, 2, 3, 5, 6]].any()
