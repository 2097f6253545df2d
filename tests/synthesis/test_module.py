"""The optimization of images, on a tiny network."""

from contextlib import nullcontext

import pytest
import torch
from torch.nn import functional as F

from diode_pl.augmentations import Cutout, Flip, Jitter
from diode_pl.detector import BatchNormRecorder, Detections
from diode_pl.synthesis.growth import TargetGrowth
from diode_pl.synthesis.loss_weighting import GradientShares
from diode_pl.synthesis.losses import (
    BatchNormStatistics,
    Detection,
    PixelNorm,
    SelfSimilarity,
    SynthesisState,
    TotalVariation,
)
from diode_pl.synthesis.sampler import OneBox, Scene
from diode_pl.synthesis.schedule import PyramidAdam, Stage
from diode_pl.synthesis.trainer import build_synthesis_trainer
from tests.synthesis.synthesis_run import Record, fit, inversion, sign_descent, stand_still


def test_the_objective_falls_and_pixels_stay_in_range(tmp_path):
    record = fit(inversion(tmp_path, [Stage(32, 60, sign_descent)], augmentations={}))
    assert record.totals[-1] < 0.6 * record.totals[0]
    assert record.ends[0].min() >= 0 and record.ends[0].max() <= 1
    assert not torch.equal(record.ends[0], record.starts[0])


def test_the_teacher_is_the_same_bit_for_bit_after_a_fit(tmp_path):
    module = inversion(tmp_path)
    before = {name: value.clone() for name, value in module.teacher.state_dict().items()}
    fit(module)
    assert all(torch.equal(value, before[name]) for name, value in module.teacher.state_dict().items())
    assert not any(p.requires_grad or p.grad is not None for p in module.teacher.parameters())


def test_a_batch_depends_on_seed_and_number_alone(tmp_path):
    whole = fit(inversion(tmp_path, num_images=4))
    module = inversion(tmp_path, num_images=4)
    module.batches = [1]
    record = Record()
    trainer = build_synthesis_trainer({"record": record}, {}, accelerator="cpu")
    trainer.fit(module)
    assert torch.equal(record.ends[0], whole.ends[1])
    assert not torch.equal(whole.ends[0], whole.ends[1])
    assert not torch.equal(fit(inversion(tmp_path, seed=1)).ends[0], whole.ends[0])


def test_scenes_do_not_depend_on_the_number_of_processes(tmp_path):
    def drawn(*batches):
        module = inversion(tmp_path, [Stage(32, 1, sign_descent)], sampler=Scene(), num_images=6)
        module.batches = batches
        return [targets.per_image() for targets in fit(module).targets]

    whole, first, second = drawn(0, 1, 2), drawn(0, 2), drawn(1)
    assert (len(whole), len(first), len(second)) == (3, 2, 1)
    for one, other in zip(whole, (first[0], second[0], first[1]), strict=True):
        for (boxes, labels), (other_boxes, other_labels) in zip(one, other, strict=True):
            assert torch.equal(boxes, other_boxes) and torch.equal(labels, other_labels)
    assert not torch.equal(whole[0][0][0], whole[1][0][0])


def test_a_batch_made_alone_after_a_stop_is_the_same_with_a_memory_of_steps(tmp_path):
    """Averages of batch statistics and measured gradients end with a stage."""
    stages = [Stage(32, 8, sign_descent), Stage(64, 8, sign_descent)]
    losses = {"detection": Detection(0.5), "batch_norm": BatchNormStatistics(0.5, form="kl", momentum=0.9)}

    def made(*todo):
        module = inversion(tmp_path, stages, losses=losses, num_images=4, loss_weighting=GradientShares(steps=3))
        module.batches = todo
        return fit(module).ends

    whole, alone = made(0, 1), made(1)
    assert torch.equal(alone[0], whole[2]) and torch.equal(alone[1], whole[3])


class Thousandfold(Detection):
    """The same in other units."""

    def __call__(self, step):
        return 1000 * super().__call__(step)


def test_with_shares_the_units_of_a_loss_do_not_change_the_images(tmp_path):
    def made(detection, weighting):
        losses = {
            "detection": detection,
            "total_variation": TotalVariation(1.0),
            "batch_norm": BatchNormStatistics(1.0),
        }
        stages = [Stage(32, 15, lambda params: PyramidAdam(params, lr=0.02))]
        return fit(inversion(tmp_path, stages, losses=losses, loss_weighting=weighting)).ends[0]

    plain, scaled = (made(detection(), GradientShares(steps=5)) for detection in (Detection, Thousandfold))
    assert (plain - scaled).abs().max() < 1e-3
    plain, scaled = (made(detection(), None) for detection in (Detection, Thousandfold))
    assert (plain - scaled).abs().mean() > 0.005


def test_images_go_to_the_next_stage_as_floats(tmp_path):
    record = fit(inversion(tmp_path, [Stage(32, 10, sign_descent), Stage(64, 1, stand_still)]))
    enlarged = F.interpolate(record.ends[0], (64, 64), mode="bilinear", align_corners=False)
    assert torch.equal(record.starts[1], enlarged)
    eight_bit = (record.starts[1] * 255).round() / 255
    assert not torch.allclose(record.starts[1], eight_bit, atol=1e-6)


def test_a_stage_that_keeps_no_images_hands_over_its_targets_only(tmp_path):
    record = fit(inversion(tmp_path, [Stage(32, 10, sign_descent, keep_images=False), Stage(32, 1, stand_still)]))
    assert not torch.allclose(record.starts[1], record.ends[0], atol=0.05)
    assert torch.equal(record.targets[0].boxes, record.targets[1].boxes)


def test_what_the_teacher_sees_becomes_a_target(tmp_path, monkeypatch):
    growth = TargetGrowth(every=2, start=4, stop=6)
    module = inversion(tmp_path, [Stage(32, 10, sign_descent, growth=growth)], sampler=OneBox((0.3, 0.3)))
    calls = []

    def predict(outputs, confidence, iou):
        calls.append(confidence)
        corner = torch.tensor([[0.0, 0.0, 0.2, 0.2], [0.8, 0.8, 1.0, 1.0]])
        return [Detections(corner, torch.tensor([0.9, 0.1]), torch.tensor([1, 0]))] * 2

    monkeypatch.setattr(module.teacher, "predict", predict)
    record = fit(module)
    assert calls == [0.05, 0.05]
    assert len(record.targets[0]) in (3, 4)  # the sampled box may lie in that corner
    assert 1 in record.targets[0].labels


def test_budget_shortens_every_stage_and_the_growth(tmp_path):
    stages = [Stage(32, 40, sign_descent), Stage(32, 20, sign_descent)]
    assert len(fit(inversion(tmp_path, stages, budget=0.1)).totals) == 4 + 2


def test_stage_weights_replace_those_of_the_losses(tmp_path):
    stage = Stage(32, 1, sign_descent, loss_factors={"batch_norm": 0.0, "detection": 2.0})
    module = inversion(tmp_path, [stage])
    fit(module)
    assert "batch_norm" not in module.objective.terms
    expected = 2 * module.objective.terms["detection"] + module.objective.terms["total_variation"]
    assert torch.allclose(module.objective.terms["total"], expected)


def test_half_precision_comes_from_the_trainer(tmp_path):
    record = fit(inversion(tmp_path, [Stage(32, 40, sign_descent)], augmentations={}), precision="bf16-mixed")
    assert record.totals[-1] < 0.8 * record.totals[0]
    assert record.ends[0].dtype == torch.float32


def test_a_step_never_waits_for_the_device(tmp_path, monkeypatch):
    """Tensors on the meta device have shapes only: reading a value, or a shape that depends on one, raises."""
    module = inversion(tmp_path, augmentations={"j": Jitter(per_image=True), "f": Flip(0.9), "c": Cutout()})
    module.teacher.to("meta")
    monkeypatch.setattr(torch, "autocast", lambda **_: nullcontext())  # it does not know that device
    statistics = BatchNormRecorder(module.teacher.norm_layers())
    images = torch.empty(2, 3, 32, 32, device="meta", requires_grad=True)
    generator = torch.Generator().manual_seed(0)
    targets = module.sampler.sample(0, 2, module.label_prior, generator).to("meta")
    seen = images
    for augmentation in module.image_loss.augmentations:
        seen, targets = augmentation(seen, targets, generator)
    with statistics.recording():
        outputs = module.teacher(seen)
    step = SynthesisState(images, seen, targets, outputs, module.teacher, statistics, 0.0)
    others = (SelfSimilarity(), PixelNorm(), BatchNormStatistics(form="kl", momentum=0.9))
    losses = (*module.objective.losses.values(), *others)
    assert all(loss.prepare(module.teacher, 32) for loss in losses)
    sum(loss(step) for loss in losses).backward()
    images.grad.sub_(1)
    sign_descent([images]).step()
    PyramidAdam([images]).step()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stages": [Stage(36, 1, sign_descent)]}, r"^stages\[0\]\.resolution must .* of 8 px, .* got 36 px; .* is 32"),
        ({"stages": [Stage(32, 1, sign_descent, loss_factors={"tv": 1.0})]}, r"no loss named \['tv'\]"),
        ({"losses": {"detection": None}}, "all are None"),
        ({"num_images": 0}, "num_images must be an integer >= 1, got 0"),
        ({"budget": 0.0}, "budget must be a number > 0, got 0.0"),
    ],
)
def test_bad_settings_are_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        inversion(tmp_path, **changes)
