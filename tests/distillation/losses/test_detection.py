import torch

from diode_pl.distillation.losses import Detection, DistillationBatch
from diode_pl.targets import Targets
from tests.distillation.losses.batches import IMAGES, answer, network


def test_value_is_the_sum_of_the_students_terms_on_the_labels() -> None:
    net, said = network(), answer(network())

    def term(*labels: int) -> torch.Tensor:
        box = torch.tensor([[0.1, 0.2, 0.4, 0.6]]).repeat(len(labels), 1)
        targets = Targets(box, torch.tensor(labels), torch.zeros(len(labels), dtype=torch.long), 2)
        terms = net.loss(said, targets)
        assert len(terms) == 3 and all(term > 0 for term in terms.values())
        found = Detection()(DistillationBatch(IMAGES, net, None, said, None, targets))
        torch.testing.assert_close(found, terms["box"] + terms["class"] + terms["objectness"])
        return found

    assert term(0) != term(1), "labels decide"


def test_it_needs_labels_and_no_teacher() -> None:
    assert Detection.needs_labels and not Detection.needs_teacher
    Detection().prepare(None, network(), 32)
