import pytest
import torch

from diode_pl.detector import Darknet, yolov3_tiny
from diode_pl.detector.darknet.layers import Convolution, YoloHead


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
