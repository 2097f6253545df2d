import pytest
import torch

from diode_pl.synthesis.loss_weighting import ConstantWeights, GradientShares, LossWeighting
from diode_pl.synthesis.losses import BatchNormStatistics, Objective, PixelNorm, SelfSimilarity, TotalVariation
from tests.tiny import TinyDetector, prepared, tiny_step


class Half(LossWeighting):
    """Leaves the last term out."""

    def factors(self, terms, pixels):
        assert pixels.requires_grad and list(terms) == list(self.weights)
        return {name: 0.5 * weight for name, weight in self.weights.items()} | {list(terms)[-1]: 0.0}

    def values(self):
        return {"half": 0.5}


def objective(weighting: LossWeighting) -> Objective:
    return Objective({"tv": TotalVariation(2.0), "bn": BatchNormStatistics(3.0), "pixels": PixelNorm(1.0)}, weighting)


def test_sum_of_weighted_terms() -> None:
    step, terms = tiny_step(torch.rand(2, 3, 8, 8)), objective(ConstantWeights())
    terms.begin({"pixels": 0.0}, step.detector, 8)
    assert set(terms.active) == {"tv", "bn"}
    assert terms(step) == 2 * TotalVariation()(step) + 3 * prepared(BatchNormStatistics(), step)(step)
    assert terms.values() == {name: float(value) for name, value in terms.terms.items()}
    assert list(terms.values()) == ["tv", "bn", "total"]


def test_the_weighting_makes_the_factors_and_logs_what_it_will() -> None:
    step, terms = tiny_step(torch.rand(2, 3, 8, 8, requires_grad=True)), objective(Half())
    terms.begin({}, step.detector, 8)
    assert terms(step) == TotalVariation()(step) + 1.5 * prepared(BatchNormStatistics(), step)(step)
    assert set(terms.values()) == {"tv", "bn", "pixels", "total", "half"}


def test_a_term_of_weight_0_leaves_no_trace_even_if_it_is_no_number() -> None:
    images = torch.rand(2, 3, 8, 8).requires_grad_()
    step = tiny_step(images)
    terms = Objective({"tv": TotalVariation(1.0), "broken": SelfSimilarity(1.0)}, Half())
    terms.begin({}, step.detector, 8)
    terms.active["broken"] = lambda step: PixelNorm()(step) * float("nan")  # type: ignore[assignment]
    terms(step).backward()
    assert images.grad.isfinite().all() and images.grad.abs().max() > 0


def test_every_stage_begins_anew() -> None:
    detector = TinyDetector()
    terms = Objective(
        {"bn": BatchNormStatistics(1.0, momentum=0.9), "tv": TotalVariation(1.0)}, GradientShares(steps=2)
    )
    steps = [tiny_step(torch.rand(2, 3, 8, 8, requires_grad=True), detector=detector) for _ in range(3)]

    def stage() -> list[dict[str, float]]:
        terms.begin({"tv": 2.0}, detector, 8)
        found = []
        for step in steps:
            terms(step)
            found.append(terms.values())
        return found

    assert stage() == stage()
    assert set(terms.values()) == {"bn", "tv", "total", "bn_weight", "tv_weight"}


@pytest.mark.parametrize(("weights", "layers"), [((1.0, 1.0), 3), ((1.0, 0.0), 1)])
def test_norm_layers_are_those_of_the_active_losses(weights: tuple[float, float], layers: int) -> None:
    detector = TinyDetector()
    terms = Objective(
        {"first": BatchNormStatistics(1.0, layers=1), "all": BatchNormStatistics(1.0, layers="all")}, ConstantWeights()
    )
    terms.begin(dict(zip(("first", "all"), weights, strict=True)), detector, 8)
    assert terms.norm_layers == layers


def test_without_norm_layers_the_rest_leads_and_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    step = tiny_step(torch.rand(2, 3, 8, 8), detector=TinyDetector(norm=False))
    terms = objective(ConstantWeights())
    for _ in range(2):
        terms.begin({"pixels": 0.0}, step.detector, 8)
        assert set(terms.active) == {"tv"} and terms(step) == 2 * TotalVariation()(step)
    assert [record.getMessage() for record in caplog.records] == [
        "left out because the teacher has no batch norm layers: bn; only image priors and augmentations remain"
    ]


def test_norm_layers_that_no_loss_asks_for_are_not_denied(caplog: pytest.LogCaptureFixture) -> None:
    class NormedHead(TinyDetector):
        backbone_norm_layers = 0  # type: ignore[assignment]

    terms = objective(ConstantWeights())
    terms.begin({"pixels": 0.0}, NormedHead(), 8)
    assert set(terms.active) == {"tv"}
    assert [record.getMessage() for record in caplog.records] == [
        "left out because they select none of the teacher's batch norm layers: bn; layers=all selects all of them"
    ]


def test_nothing_that_could_be_computed_is_an_error() -> None:
    terms = Objective({"bn": BatchNormStatistics(1.0)}, ConstantWeights())
    with pytest.raises(ValueError, match="losses: none of bn can be computed with this teacher; add another"):
        terms.begin({}, TinyDetector(norm=False), 8)
