import logging
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from diode_pl.classification.datamodule import CropData
from diode_pl.data.pseudo_labels import LabelPolicy
from diode_pl.data.readers import ImageSet
from diode_pl.provenance import Provenance
from diode_pl.shapes import ShapesWorld
from tests.data.colored import Colored
from tests.data.knowing import knowing
from tests.data.painted import PAINT, Painted


def data(train: ImageSet | None = None, rank: int = 0, of: int = 1, **options: Any) -> CropData:
    made = CropData(train or Colored(30), **{"crop_size": 8, "batch_size": 12} | options)
    # The first process can read all images, too.
    strategy = SimpleNamespace(broadcast=lambda found: found if rank == 0 else list(range(len(made.train))))
    made.trainer = SimpleNamespace(global_rank=rank, world_size=of, strategy=strategy)
    made.setup("fit")
    return made


def training(made: CropData, epoch: int = 0) -> list[tuple[Tensor, Tensor]]:
    loader = made.train_dataloader()
    loader.batch_sampler.set_epoch(epoch)
    return [made.on_after_batch_transfer(batch, 0) for batch in loader]


def measured(made: CropData) -> list[tuple[Tensor, Tensor]]:
    return [made.on_after_batch_transfer(batch, 0) for batch in made.val_dataloader()]


def same(some: list[tuple[Tensor, Tensor]], others: list[tuple[Tensor, Tensor]]) -> bool:
    return len(some) == len(others) and all(
        torch.equal(a, b) and torch.equal(c, d) for (a, c), (b, d) in zip(some, others, strict=True)
    )


def test_what_it_counts() -> None:
    made = data()
    assert made.counts == {
        "images": 24,
        "held_out_images": 6,
        "crops": 48,
        "held_out_crops": 12,
        "too_small": 0,
    }
    assert made.class_names == ("red", "green", "blue") and made.provenance == Provenance(teacher=True)


def test_an_epoch_is_as_long_as_there_are_crops() -> None:
    batches = training(data())
    assert len(batches) == 4 and all(len(crops) == len(labels) == 12 for crops, labels in batches)
    crops, _ = batches[0]
    assert crops.dtype == torch.float32 and crops.min() >= 0 and 0.5 < crops.max() <= 1
    assert len(training(data(steps_per_epoch=2))) == 2
    assert len(training(data(Colored(2), batch_size=12))) == 1  # fewer crops than a batch: they come more than once


def test_crops_show_their_class() -> None:
    for crops, labels in [*training(data()), *measured(data())]:
        assert crops.mean(dim=(2, 3)).argmax(dim=1).tolist() == labels.tolist()


def test_held_out_crops_come_once_and_as_they_are() -> None:
    made = data(Painted(20), held_out=0.5)
    batches = measured(made)
    assert sum(len(labels) for _, labels in batches) == 10
    assert all(float(crops.min()) == pytest.approx(PAINT / 255) for crops, _ in batches)
    assert any(float(crops.min()) < 0.5 for crops, _ in training(made))  # jitter shows the ground
    assert same(measured(made), batches)
    assert data(held_out=0.0).val_dataloader() == []


def test_balance_draws_classes_equally_often() -> None:
    rare = Colored(60, (10, 1, 1))
    counts = {}
    for balanced in (True, False):
        made = data(rare, balanced=balanced, held_out=0.0)
        drawn = Counter(label for epoch in range(3) for _, labels in training(made, epoch) for label in labels.tolist())
        counts[balanced] = [drawn[label] / sum(drawn.values()) for label in range(3)]
    assert counts[False] == pytest.approx([10 / 12, 1 / 12, 1 / 12], abs=0.01)
    assert counts[True] == pytest.approx([1 / 3] * 3, abs=0.06)


def test_seed_and_epoch_decide_alone() -> None:
    made = data()
    training(made, 0)  # a run that goes on at epoch 2 sees what it would have seen
    assert same(training(made, 2), training(data(), 2))
    assert same(training(data(workers=1), 2), training(data(), 2))
    assert not same(training(made, 1), training(made, 2)) and not same(training(data(seed=1)), training(data()))


def test_two_processes_together_see_what_one_sees() -> None:
    alone = training(data(), 1)
    parts = [training(data(rank=rank, of=2), 1) for rank in range(2)]
    for (crops, labels), *shares in zip(alone, *parts, strict=True):
        assert [len(each) for _, each in shares] == [6, 6]
        assert torch.equal(torch.stack([each for each, _ in shares], 1).flatten(0, 1), crops)
        assert torch.equal(torch.stack([each for _, each in shares], 1).flatten(), labels)
    held_out = [
        label for rank in range(2) for _, labels in measured(data(rank=rank, of=2)) for label in labels.tolist()
    ]
    assert sorted(held_out) == sorted(label for _, labels in measured(data()) for label in labels.tolist())
    with pytest.raises(ValueError, match=r"2 crops are held out, fewer than the 3 processes"):
        data(Colored(2), of=3).val_dataloader()


def test_a_teacher_says_which_objects_count() -> None:
    source = Colored(20)
    made = CropData(source, crop_size=8, batch_size=12)
    made.use_teacher(LabelPolicy(agreement=True), knowing(source, lambda i, k: i < 10))
    made.setup("fit")
    counts = made.counts
    assert (counts["sampled"], counts["dropped"], counts["crops"] + counts["held_out_crops"]) == (40, 20, 20)
    for crops, labels in [*training(made), *measured(made)]:
        assert crops.mean(dim=(2, 3)).argmax(dim=1).tolist() == labels.tolist()
    assert data(source).counts["crops"] == 32 and "dropped" not in data(source).counts


def test_one_process_asks_for_all() -> None:
    sent: list[Any] = []

    def setup(rank: int, broadcast: Callable[[Any], Any], sees: Callable[[int, int], bool]) -> CropData:
        made = CropData(Colored(20), crop_size=8)
        made.use_teacher(LabelPolicy(agreement=True), knowing(Colored(20), sees))
        strategy = SimpleNamespace(root_device=torch.device("cpu"), broadcast=broadcast)
        made.trainer = SimpleNamespace(global_rank=rank, world_size=2, strategy=strategy)
        made.setup("fit")
        return made

    first = setup(0, lambda found: sent.append(found) or found, lambda i, k: i % 2 == 0)
    replies = iter(sent)
    second = setup(1, lambda found: next(replies), lambda i, k: pytest.fail("asks, too"))
    assert first.counts == second.counts and first.counts["dropped"] == 20


def test_small_objects_are_left_out_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    made = data(min_pixels=16)
    assert 0 < made.counts["too_small"] < 50
    assert made.counts["crops"] + made.counts["held_out_crops"] + made.counts["too_small"] == 60
    assert f"{made.counts['too_small']} objects are too small" in caplog.text
    with pytest.raises(ValueError, match=r"^train: none of the 60 labeled objects .* is 40.*lower min_pixels"):
        data(min_pixels=40)
    assert data(Colored(5, size=12), min_pixels=12).counts["too_small"] == 0


def test_a_class_without_a_crop_is_named(caplog: pytest.LogCaptureFixture) -> None:
    made = data(Colored(30, (1, 1, 0)))
    assert made.untrained == ("blue",) and "no crop to learn these classes from: blue" in caplog.text
    assert {label for _, labels in training(made) for label in labels.tolist()} == {0, 1}
    caplog.clear()
    other = data(rank=1, of=2)
    assert not other.untrained and not caplog.records


def test_images_without_labels_are_refused() -> None:
    said = r"^train: crops need labeled boxes, and there are none"
    with pytest.raises(ValueError, match=said):
        CropData(ShapesWorld("train", 4, 64, labeled=False))


def test_large_sets_are_read_anew() -> None:
    source = Painted(8)
    made = data(source, cache_gib=0.0, batch_size=4)
    before = source.reads
    training(made)
    assert source.reads > before
    cached = Painted(8)
    made = data(cached, batch_size=4)
    before = cached.reads
    training(made)
    assert cached.reads == before == 8


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batch_size": 0}, r"^batch_size, workers.* must be >= 1, 0, 0 and 0, got 0, 0"),
        ({"min_pixels": 0}, "^min_pixels and crop_size must be >= 1 and 8, got 0 and 64"),
        ({"crop_size": 7}, "^min_pixels and crop_size must be >= 1 and 8, got 8 and 7"),
        ({"steps_per_epoch": 0}, r"steps_per_epoch must be >= 1 or None for as many as there are, got 0"),
        ({"workers": -1}, "workers, cache_gib and seed"),
        ({"held_out": 1.0}, r"held_out must be in \[0, 1\), got 1\.0"),
        ({"jitter": 0.5}, r"jitter, flip and color must be in \[0, 0\.5\)"),
    ],
)
def test_bad_numbers(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        CropData(Colored(2), **options)


def test_shows_as_many_held_out_crops_of_each_class() -> None:
    made = data(batch_size=64)
    ((crops, labels),) = measured(made)
    shown = made.held_out_crops(6)
    assert shown is not None and shown[1].tolist() == [0, 0, 1, 1, 2, 2] and shown[0].max() <= 1
    for crop, label in zip(*shown, strict=True):
        assert any(torch.equal(crop, other) for other in crops[labels == label])
    assert len({crop.sum().item() for crop in shown[0]}) == 6
    every, fewest = made.held_out_crops(1000), made.held_out_crops(2)
    assert every is not None and len(every[1]) == len(labels) and fewest is not None and len(fewest[1]) == 2
    assert data(held_out=0.0).held_out_crops(6) is None
