import torch

from diode_pl.synthesis.losses import Detection
from diode_pl.targets import Targets
from tests.tiny import TinyDetector, tiny_step


def test_value_is_the_sum_of_the_detectors_terms() -> None:
    step = tiny_step(torch.rand(2, 3, 8, 8))
    terms = step.detector.loss(step.outputs, step.targets)
    assert len(terms) == 2 and all(term > 0 for term in terms.values())
    torch.testing.assert_close(Detection()(step), terms["box"] + terms["class"])


def test_what_the_detector_calls_perfect_costs_nothing() -> None:
    class Pleased(TinyDetector):
        def loss(self, outputs, targets):
            return {"box": outputs.heads[0].sum() * 0, "class": outputs.heads[0].sum() * 0}

    assert Detection()(tiny_step(torch.rand(2, 3, 8, 8), detector=Pleased())) == 0


def test_targets_decide_the_gradient() -> None:
    def gradient(label: int) -> torch.Tensor:
        images = torch.linspace(0, 1, 192).view(1, 3, 8, 8).requires_grad_()
        targets = Targets(torch.tensor([[0.2, 0.2, 0.6, 0.6]]), torch.tensor([label]), torch.tensor([0]), 1)
        Detection()(tiny_step(images, targets)).backward()
        return images.grad

    assert not torch.allclose(gradient(0), gradient(1))
