import math
from pathlib import Path

import pytest
import torch

from diode_pl.io.images import read_folder, to_pillow
from diode_pl.provenance import REAL_IMAGES
from diode_pl.synthesis.losses import BatchNormStatistics
from diode_pl.synthesis.losses.batch_norm_distance import batch_norm_distance
from diode_pl.synthesis.losses.running_moments import MomentAverage
from tests.tiny import TinyDetector, prepared, tiny_step


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    "arguments",
    [
        {"form": "other"},
        {"norm": 0.5},
        {"norm": math.inf},
        {"norm": math.nan},
        {"layers": "head"},
        {"layers": 0},
        {"layers": 1.5},
        {"min_layers": 0},
        {"momentum": -0.1},
        {"momentum": 1.0},
    ],
    ids=str,
)
def test_bad_arguments_raise(arguments: dict) -> None:
    with pytest.raises(ValueError, match=rf"^{next(iter(arguments))} must be "):
        BatchNormStatistics(**arguments)


@pytest.mark.parametrize(("layers", "expected"), [("all", 3), ("backbone", 2), (1, 1), (2, 2), (99, 3)])
def test_layer_subset(layers: str | int, expected: int) -> None:
    step = tiny_step(torch.rand(2, 3, 8, 8))
    loss, statistics = prepared(BatchNormStatistics(layers=layers), step), step.statistics
    assert loss.norm_layers == expected
    assert loss(step) == batch_norm_distance(statistics.batch[:expected], statistics.running[:expected])


@pytest.mark.parametrize(("progress", "expected"), [(0.0, 3), (0.5, 2), (0.999, 1)])
def test_number_of_layers_falls_by_a_cosine(progress: float, expected: int) -> None:
    step = tiny_step(torch.rand(2, 3, 8, 8), progress=progress)
    statistics = step.statistics
    falling = prepared(BatchNormStatistics(layers="all", min_layers=1), step)(step)
    assert falling == batch_norm_distance(statistics.batch[:expected], statistics.running[:expected])


def test_number_of_layers_never_rises_above_those_in_use() -> None:
    step = tiny_step(torch.rand(2, 3, 8, 8), progress=0.5)
    assert prepared(BatchNormStatistics(layers=2, min_layers=99), step)(step) == prepared(
        BatchNormStatistics(layers=2), step
    )(step)


def test_form_and_norm_reach_the_distance() -> None:
    step = tiny_step(torch.rand(2, 3, 8, 8))
    batch, running = step.statistics.batch, step.statistics.running
    assert prepared(BatchNormStatistics(form="standardized", layers="all"), step)(step) == batch_norm_distance(
        batch, running, "standardized"
    )
    assert prepared(BatchNormStatistics(norm=1.0, layers="all"), step)(step) == batch_norm_distance(
        batch, running, norm=1.0
    )


@pytest.mark.parametrize("form", ["standardized", "kl"])
def test_a_norm_that_would_change_nothing_is_refused(form: str) -> None:
    with pytest.raises(ValueError, match=rf"^norm must be 2 with form={form}, .*, got 1\.0;"):
        BatchNormStatistics(form=form, norm=1.0)


def test_each_layer_has_its_own_least_variance() -> None:
    detector = TinyDetector()
    for layer, eps in zip(detector.norm_layers(), (1e-3, 0.5, 0.0), strict=True):
        layer.eps = eps
    step = tiny_step(torch.rand(2, 3, 8, 8), detector=detector)
    batch, running = step.statistics.batch[:2], step.statistics.running[:2]
    own = batch_norm_distance(batch, running, "kl", eps=[1e-3, 0.5])
    assert prepared(BatchNormStatistics(form="kl"), step)(step) == own != batch_norm_distance(batch, running, "kl")


def test_momentum_averages_over_the_steps_of_a_stage() -> None:
    loss, average = BatchNormStatistics(layers=2, momentum=0.8), MomentAverage(0.8)
    detector = TinyDetector()
    steps = [tiny_step(torch.rand(2, 3, 8, 8), detector=detector) for _ in range(3)]
    loss.prepare(detector, 8)
    expected = [batch_norm_distance(average(s.statistics.batch[:2]), s.statistics.running[:2]) for s in steps]
    assert [loss(step) for step in steps] == expected
    assert expected[2] != prepared(BatchNormStatistics(layers=2), steps[2])(steps[2])
    loss.prepare(detector, 8)  # the next stage
    assert loss(steps[2]) == prepared(BatchNormStatistics(layers=2), steps[2])(steps[2])


def test_layers_that_fall_out_stay_in_the_average() -> None:
    loss, detector = BatchNormStatistics(layers="all", min_layers=1, momentum=0.5), TinyDetector()
    loss.prepare(detector, 8)
    for progress in (0.0, 0.99, 0.0):
        assert loss(tiny_step(torch.rand(2, 3, 8, 8), detector=detector, progress=progress)).isfinite()


def test_it_cannot_be_computed_on_a_detector_without_norm_layers() -> None:
    loss = BatchNormStatistics(momentum=0.5)
    assert not loss.prepare(TinyDetector(norm=False), 8) and loss.norm_layers == 0


@pytest.mark.usefixtures("unchecked")
def test_without_preparation_it_raises() -> None:
    with pytest.raises(ValueError, match="layers, > 0, got 0 and 0"):
        BatchNormStatistics()(tiny_step(torch.rand(2, 3, 8, 8)))


@pytest.fixture
def references(tmp_path: Path) -> Path:
    for i in range(3):
        to_pillow(torch.rand(3, 16, 16)).save(tmp_path / f"{i}.png")
    return tmp_path


def test_reference_images_replace_running_statistics(references: Path) -> None:
    loss = BatchNormStatistics(layers="all", reference=references)
    loss.prepare(TinyDetector(), resolution=8)
    assert loss(tiny_step(read_folder(references, 8))) < 1e-5
    step = tiny_step(read_folder(references, 8))
    assert prepared(BatchNormStatistics(layers="all"), step)(step) > 0.1
    assert loss.provenance == REAL_IMAGES


def test_reference_statistics_belong_to_a_resolution(references: Path) -> None:
    loss = BatchNormStatistics(layers="all", reference=references)
    for resolution in (8, 16):
        loss.prepare(TinyDetector(), resolution)
        assert loss(tiny_step(read_folder(references, resolution))) < 1e-5
    assert loss(tiny_step(read_folder(references, 8))) > 1e-2


def test_preparing_leaves_the_detector_as_it_was(references: Path) -> None:
    detector = TinyDetector()
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    BatchNormStatistics(reference=references).prepare(detector, 8)
    assert all(torch.equal(value, before[name]) for name, value in detector.state_dict().items())


class FrozenOnce(TinyDetector):
    """One whose first two norm layers were frozen while it was trained."""

    def norm_shares(self) -> list[float]:
        return [1.0, 0.5, 1.0]


def test_layers_that_were_frozen_count_by_their_shares_and_a_line_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    step, loss = tiny_step(torch.rand(2, 3, 8, 8), detector=FrozenOnce()), BatchNormStatistics(layers="all")
    statistics, shares = step.statistics, [1.0, 0.5, 1.0]
    for _ in range(2):
        assert prepared(loss, step)(step) == batch_norm_distance(statistics.batch, statistics.running, shares=shares)
    assert caplog.text.count("1 of 3 count less, the deeper the less, the last 0.50 as much") == 1
    assert prepared(BatchNormStatistics(layers=1), step)(step) == prepared(
        BatchNormStatistics(layers=1), tiny_step(step.images)
    )(tiny_step(step.images))
    assert caplog.text.count("count less") == 1, "nothing to say of a layer that counts in full"
    to_pillow(torch.rand(3, 8, 8)).save(tmp_path / "a.png")
    real = prepared(BatchNormStatistics(layers="all", reference=tmp_path), step)
    assert real._shares is None, "statistics of images are those of the detector as it is"
