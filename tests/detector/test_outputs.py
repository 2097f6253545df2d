import pytest
import torch

from diode_pl.detector import Detections, Outputs


def test_another_numbering_leaves_out_the_classes_that_it_lacks() -> None:
    boxes, scores = torch.rand(3, 4), torch.rand(3)
    found = Detections(boxes, scores, torch.tensor([2, 0, 1])).relabel([1, -1, 0])
    assert found.labels.tolist() == [0, 1]
    assert found.boxes.equal(boxes[:2]) and found.scores.equal(scores[:2])


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize(("kind", "place"), [("head", 0), ("feature map", 1)])
def test_outputs_that_are_not_finite_name_the_detector(value: float, kind: str, place: int) -> None:
    heads, features = (torch.rand(1, 4),), (torch.rand(1, 2, 4, 4), torch.rand(1, 2, 2, 2))
    outputs = Outputs(heads, features, (8, 16), (32, 32))
    outputs.require_finite("verifier")
    (heads if kind == "head" else features)[place].view(-1)[1] = value
    with pytest.raises(
        ValueError, match=rf"^verifier: its outputs are not finite, {kind} {place} \(from 0\) holds NaN or"
    ):
        outputs.require_finite("verifier")
