"""What a detector may leave out."""

import pytest
import torch

from tests.tiny import TinyDetector, no_boxes


@pytest.mark.parametrize("method", ["match_predictions", "class_logits", "forward_stem"])
def test_a_detector_without_them_says_so(method: str) -> None:
    net, images = TinyDetector(), torch.rand(1, 3, 8, 8)
    outputs = net(images)
    given = {
        "match_predictions": (outputs, no_boxes(1)),
        "class_logits": (outputs,),
        "forward_stem": (images,),
    }[method]
    with pytest.raises(NotImplementedError, match=rf"TinyDetector does not implement {method}\(\)"):
        getattr(net, method)(*given)
