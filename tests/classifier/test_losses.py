import math

import pytest
import torch

from diode_pl.classifier import BinaryCrossEntropy, ClassificationLoss, CrossEntropy, Focal, output_form

LOGITS = torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]], dtype=torch.float64)
LABELS = torch.tensor([2, 1])
EVERY = (CrossEntropy, BinaryCrossEntropy, Focal)
every = pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)


def yes(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def by_hand(kind: type[ClassificationLoss], alpha: float = 0.25, gamma: float = 2.0) -> float:
    """The same from the definitions, number by number."""
    total = 0.0
    for row, label in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        if kind is CrossEntropy:
            total -= math.log(math.exp(row[label]) / sum(map(math.exp, row)))
            continue
        for c, logit in enumerate(row):
            right = yes(logit) if c == label else 1 - yes(logit)
            share = 1.0 if kind is BinaryCrossEntropy else alpha if c == label else 1 - alpha
            total -= share * (1 - right) ** (gamma if kind is Focal else 0) * math.log(right)
    return total / len(LOGITS)


@every
def test_value(kind: type[ClassificationLoss]) -> None:
    assert float(kind()(LOGITS, LABELS)) == pytest.approx(by_hand(kind), rel=1e-9)


def test_focal_with_other_numbers() -> None:
    assert float(Focal(1.0, 0.4, 1.0)(LOGITS, LABELS)) == pytest.approx(by_hand(Focal, 0.4, 1.0), rel=1e-9)
    # Without focus, and with equal shares, it is half of the binary cross-entropy.
    half = float(BinaryCrossEntropy()(LOGITS, LABELS)) / 2
    assert float(Focal(1.0, 0.5, 0.0)(LOGITS, LABELS)) == pytest.approx(half, rel=1e-9)


@every
def test_vanishes_where_all_is_right(kind: type[ClassificationLoss]) -> None:
    sure = 60.0 * (2 * torch.nn.functional.one_hot(LABELS, 3).double() - 1)
    assert float(kind()(sure, LABELS)) < 1e-12 < float(kind()(-sure, LABELS))


@every
def test_gradient_is_right(kind: type[ClassificationLoss]) -> None:
    assert torch.autograd.gradcheck(lambda logits: kind()(logits, LABELS), LOGITS.clone().requires_grad_())


@every
def test_a_batch_twice_has_the_same_loss(kind: type[ClassificationLoss]) -> None:
    torch.testing.assert_close(kind()(LOGITS.repeat(2, 1), LABELS.repeat(2)), kind()(LOGITS, LABELS))


def test_the_form_of_the_logits_follows_from_the_losses() -> None:
    assert output_form([CrossEntropy()]) == "softmax"
    assert output_form([Focal(), BinaryCrossEntropy()]) == "sigmoid"
    assert output_form([CrossEntropy(), Focal()]) == "both"
    with pytest.raises(ValueError, match="no loss with a weight above 0"):
        output_form([])


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
@every
def test_bad_weight(kind: type[ClassificationLoss], weight: float) -> None:
    with pytest.raises(ValueError, match="weight must be finite and >= 0"):
        kind(weight)


@pytest.mark.parametrize("numbers", [(0.0, 2.0), (1.0, 2.0), (0.25, -1.0), (0.25, math.inf)])
def test_bad_focus(numbers: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"alpha and gamma must be in \(0, 1\) and >= 0"):
        Focal(1.0, *numbers)
