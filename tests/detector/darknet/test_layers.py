import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from diode_pl.detector.darknet import layers

FORMULAS: dict[str, Callable[[float], float]] = {
    "linear": lambda x: x,
    "leaky": lambda x: x if x > 0 else 0.1 * x,
    "relu": lambda x: max(x, 0.0),
    "relu6": lambda x: min(max(x, 0.0), 6.0),
    "logistic": lambda x: 1 / (1 + math.exp(-x)),
    "swish": lambda x: x / (1 + math.exp(-x)),
    "mish": lambda x: x * math.tanh(math.log1p(math.exp(x))),
}


def by_hand(x: Tensor, activation: str) -> Tensor:
    return torch.tensor([FORMULAS[activation](v) for v in x.flatten().tolist()], dtype=x.dtype).view_as(x)


def test_every_activation_has_a_formula() -> None:
    assert FORMULAS.keys() == layers.ACTIVATIONS.keys()


@pytest.mark.parametrize("activation", FORMULAS)
@pytest.mark.parametrize("batch_normalize", [True, False])
def test_convolution(activation: str, batch_normalize: bool) -> None:
    layer = layers.Convolution(4, 6, 3, 2, 1, 2, batch_normalize, activation).double().eval()
    x = torch.randn(2, 4, 7, 5, dtype=torch.float64)
    expected = F.conv2d(x, layer.conv.weight, layer.conv.bias, stride=2, padding=1, groups=2)
    if layer.norm is not None:
        gamma, beta, mean, var = (torch.rand(6, dtype=torch.float64) + 0.1 for _ in range(4))
        layer.norm.load_state_dict({"weight": gamma, "bias": beta, "running_mean": mean, "running_var": var})
        gamma, beta, mean, var = (v.view(1, 6, 1, 1) for v in (gamma, beta, mean, var))
        expected = gamma * (expected - mean) / torch.sqrt(var + 1e-5) + beta
        assert layer.conv.bias is None
    expected = by_hand(expected.detach(), activation)
    torch.testing.assert_close(layer(x.clone()).detach(), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("activation", FORMULAS)
@pytest.mark.parametrize("batch_normalize", [True, False])
def test_gradient_of_convolution(activation: str, batch_normalize: bool) -> None:
    layer = layers.Convolution(2, 3, 3, 1, 1, 1, batch_normalize, activation).double().eval()
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (x,))


@pytest.mark.parametrize("activation", FORMULAS)
def test_what_enters_the_norm_is_not_written_over(activation: str) -> None:
    layer, seen = layers.Convolution(2, 3, 3, 1, 1, 1, True, activation).eval(), []
    assert layer.norm is not None
    layer.norm.register_forward_pre_hook(lambda _, inputs: seen.append((inputs[0], inputs[0].clone())))
    x = torch.randn(1, 2, 4, 4)
    before = x.clone()
    layer(x)
    assert torch.equal(*seen[0]) and torch.equal(x, before)


def slow_maxpool(x: Tensor, size: int, stride: int, padding: int) -> Tensor:
    """Darknet's own loop: windows start at -padding / 2, cells outside the map do not count."""
    height, width = ((side + padding - size) // stride + 1 for side in x.shape[2:])
    out = torch.full((*x.shape[:2], height, width), -math.inf, dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            for m in range(size):
                for n in range(size):
                    row, column = i * stride - padding // 2 + m, j * stride - padding // 2 + n
                    if 0 <= row < x.shape[2] and 0 <= column < x.shape[3]:
                        out[:, :, i, j] = torch.maximum(out[:, :, i, j], x[:, :, row, column])
    return out


@pytest.mark.parametrize("shape", [(6, 6), (5, 7), (4, 9)])
@pytest.mark.parametrize(
    ("size", "stride", "padding"),
    [
        (2, 2, 1),
        (2, 1, 1),
        (3, 1, 2),
        (5, 1, 4),
        (9, 1, 8),
        (3, 2, 2),
        (3, 2, 1),
        (3, 2, 0),
        (2, 2, 0),
        (4, 2, 3),
        (1, 2, 0),
    ],
)
def test_maxpool(size: int, stride: int, padding: int, shape: tuple[int, int]) -> None:
    if min(shape) + padding < size:
        pytest.skip("nothing is left")
    x = torch.randn(2, 3, *shape) - 5  # all negative: zeros as padding would show
    assert torch.equal(layers.MaxPool(size, stride, padding)(x), slow_maxpool(x, size, stride, padding))


def test_route() -> None:
    a, b = torch.randn(1, 4, 2, 2), torch.randn(1, 2, 2, 2)
    assert layers.Route(1, 0)(a) is a
    assert torch.equal(layers.Route(1, 0)(a, b), torch.cat([a, b], dim=1))
    assert torch.equal(layers.Route(2, 1)(a), a[:, 2:])
    assert torch.equal(layers.Route(2, 0)(a, b), torch.cat([a[:, :2], b[:, :1]], dim=1))


@pytest.mark.parametrize("activation", FORMULAS)
def test_shortcut(activation: str) -> None:
    a, b, c = torch.randn(3, 1, 2, 3, 3, dtype=torch.float64).unbind()
    copies = [x.clone() for x in (a, b, c)]
    torch.testing.assert_close(layers.Shortcut(activation)(a, b), by_hand(a + b, activation))
    torch.testing.assert_close(layers.Shortcut(activation)(a, b, c), by_hand(a + b + c, activation))
    assert all(torch.equal(*pair) for pair in zip((a, b, c), copies, strict=True))


@pytest.mark.parametrize("activation", FORMULAS)
def test_scale_channels(activation: str) -> None:
    factor, x = torch.randn(2, 3, 1, 1, dtype=torch.float64), torch.randn(2, 3, 4, 5, dtype=torch.float64)
    found = layers.ScaleChannels(activation)(factor, x)
    for n in range(2):
        for c in range(3):
            torch.testing.assert_close(found[n, c], by_hand(x[n, c] * float(factor[n, c]), activation))


def test_yolo_head() -> None:
    head = layers.YoloHead([(1.0, 2.0), (3.0, 4.0)], 3, 1.1)
    x = torch.randn(2, 16, 4, 5)
    out = head(x)
    assert out.shape == (2, 2, 4, 5, 8)
    for anchor in range(2):
        for number in range(8):
            assert torch.equal(out[:, anchor, :, :, number], x[:, anchor * 8 + number])
    assert not head.state_dict(), "anchors stand in the definition, not among the weights"
