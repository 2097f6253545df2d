import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Generator, Tensor

from diode_pl.augmentations import Augmentation, Flip, HueSaturationValue
from diode_pl.data import Batch, DetectionData
from diode_pl.data.readers import Synthetic
from diode_pl.data.readers.voc import VOC_CLASSES
from diode_pl.data.synthetic import write_tiled
from diode_pl.data.tiling import Fixed, FromDataset, Tiling, Uniform
from diode_pl.data.training_set import RelabeledSet, TrainingSet
from diode_pl.detector import Detector
from diode_pl.provenance import OBJECT_COUNTS, PROXY_IMAGES, REAL_IMAGES
from diode_pl.shapes import ShapesWorld
from diode_pl.targets import Targets
from tests.data.painted import SIDE, Painted
from tests.detector.detectors import small
from tests.distillation.losses.batches import network
from tests.tiny import CLASSES, TinyDetector

STUDENT = {"flip": Flip(per_image=True), "hue_saturation_value": HueSaturationValue()}


def data(train: Painted | None = None, val: Painted | None = None, tiling: Tiling | None = None, **options: Any):
    """Plain images in batches of four, unless options say otherwise; ready for a tiny detector of stride 4."""
    augmentations = options.pop("augmentations", {})
    options = {"mosaic": 0.0, "batch_size": 4} | options
    made = DetectionData(train or Painted(12), val, tiling or Fixed(1), augmentations, **options)
    made.check_resolution({"student": TinyDetector()})
    made.match_classes(CLASSES)
    made.require_labels(["detection"])
    made.setup("fit")
    return made


def rank(made: DetectionData, number: int, of: int) -> DetectionData:
    made.trainer = SimpleNamespace(global_rank=number, world_size=of)
    return made


def training(made: DetectionData, epoch: int = 0) -> Iterator[Batch]:
    """The batches of an epoch as a training step gets them."""
    loader = made.train_dataloader()
    loader.batch_sampler.set_epoch(epoch)
    for batch in loader:
        yield made.on_after_batch_transfer(batch, 0)


def validation(made: DetectionData) -> list[Batch]:
    return [made.on_after_batch_transfer(batch, 0) for batch in made.val_dataloader()]


def alike(some: Sequence[Batch], others: Sequence[Batch]) -> bool:
    def parts(batch: Batch) -> tuple[Tensor, ...]:
        return batch.images, batch.targets.boxes, batch.targets.labels, batch.targets.image_index

    for one, other in zip(some, others, strict=True):
        if one.names != other.names or not all(
            torch.equal(*pair) for pair in zip(parts(one), parts(other), strict=True)
        ):
            return False
    return True


def numbers(batches: Sequence[Batch]) -> list[int]:
    return [int(name.split(".")[0]) for batch in batches for name in batch.names]


# --- classes -------------------------------------------------------------------------------------------------------


def test_classes_match_by_name(caplog: pytest.LogCaptureFixture) -> None:
    train, val = Painted(20, VOC_CLASSES), Painted(6, ("Sofa", "unicorn", "cat"))
    made = DetectionData(train, val, Fixed(1), {}, mosaic=0.0, batch_size=20)
    with caplog.at_level(logging.WARNING):
        made.match_classes(("tv", "cat", "couch"))
        made.require_labels(["detection"])
    made.setup("fit")
    (batch,) = training(made)
    known = {VOC_CLASSES.index("tvmonitor"): 0, VOC_CLASSES.index("cat"): 1, VOC_CLASSES.index("sofa"): 2}
    labels = zip(batch.targets.image_index, batch.targets.labels, strict=True)
    shown = {numbers([batch])[i]: int(label) for i, label in labels}
    assert shown == known and batch.targets.batch_size == 20
    assert made.evaluated == [1, 2]
    (batch,) = validation(made)
    assert batch.targets.labels.tolist() == [2, 1, 2, 1] and batch.targets.image_index.tolist() == [0, 2, 3, 5]
    val_says, train_says = (record.getMessage() for record in caplog.records)
    assert train_says.startswith("train: ") and "aeroplane" in train_says and "tvmonitor" not in train_says
    assert val_says.startswith("val: ") and val_says.endswith("left out: unicorn")


def test_nothing_is_reported_of_labels_that_nobody_reads(caplog: pytest.LogCaptureFixture) -> None:
    made = DetectionData(Painted(4, ("unicorn",)), None, Fixed(1), {}, batch_size=2)
    with caplog.at_level(logging.WARNING):
        made.match_classes(CLASSES)
    assert not caplog.records and made.evaluated == []


@pytest.mark.parametrize("names", [(), ("unicorn",)])
def test_labels_that_are_needed_and_not_there(names: Sequence[str]) -> None:
    made = DetectionData(Painted(4, names), None, Fixed(1), {})
    message = r"^train and losses: dicod, detection needs labels.*, 'dog', 'cup'\]\. Use a label_source with teacher"
    made.match_classes(CLASSES)
    with pytest.raises(ValueError, match=message) as error:
        made.require_labels(["dicod", "detection"])
    assert "set the loss weight to 0" in str(error.value)
    made.match_classes(CLASSES)


def test_validation_without_a_shared_class() -> None:
    made = DetectionData(Painted(4), Painted(4, ("unicorn",)), Fixed(1), {})
    with pytest.raises(ValueError, match=r"val: none of .*\['unicorn'\].*; val=None for no scores"):
        made.match_classes(CLASSES)


@pytest.mark.parametrize(
    ("key", "made"),
    [
        ("train.resolution", DetectionData(Painted(4, side=36), None, Fixed(1), {})),
        ("val.resolution", DetectionData(Painted(4), Painted(4, side=36), Fixed(1), {})),
        ("multi_scale", DetectionData(Painted(4), None, Fixed(1), {}, multi_scale=(32, 36))),
    ],
)
@pytest.mark.parametrize("detectors", [{"student": network()}, {"teacher": network(), "student": TinyDetector()}])
def test_resolutions_must_suit_every_detector(key: str, made: DetectionData, detectors: dict[str, Detector]) -> None:
    said = rf"{key} must be a multiple of 8 px, at least 8 px, for {' and '.join(detectors)}, got 36 px; .* is 32"
    with pytest.raises(ValueError, match=said):
        made.check_resolution(detectors)


@pytest.mark.parametrize("who", ["teacher", "student"])
@pytest.mark.parametrize("key", ["train.resolution", "val.resolution", "multi_scale"])
def test_no_resolution_is_below_what_a_detector_can_take(who: str, key: str) -> None:
    sides = {"train.resolution": 40, "val.resolution": 40} | ({key: 24} if "resolution" in key else {})
    scales = None if "resolution" in key else (24, 40)
    train, val = (Painted(4, side=side) for side in sides.values())
    made = DetectionData(train, val, Fixed(1), {}, multi_scale=scales)
    made.check_resolution({"teacher": TinyDetector(), "student": TinyDetector()})
    ssd = {who: small("ssd")}  # at least 32 px, in steps of 4
    with pytest.raises(ValueError, match=rf"{key} must be .* 32 px, for teacher and student, got 24 px; .* is 32"):
        made.check_resolution({"teacher": TinyDetector(), "student": TinyDetector()} | ssd)


def test_what_only_measures_asks_nothing_of_scales_that_nobody_draws() -> None:
    DetectionData(None, Painted(4), Fixed(1), {}, multi_scale=(31, 35)).check_resolution({"student": network()})


@pytest.mark.parametrize(
    "options", [{"batch_size": 0}, {"workers": -1}, {"cache_gib": -1.0}, {"seed": -1}, {"mosaic": 1.5}]
)
def test_numbers_out_of_range(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^(batch_size, .* must be >= 1, 0|mosaic must be in).*got"):
        DetectionData(Painted(4), None, Fixed(1), {}, **options)


@pytest.mark.parametrize("sides", [[32], [64, 32], [0, 32]])
def test_bad_scales(sides: list[int]) -> None:
    with pytest.raises(ValueError, match="multi_scale: the smallest and the largest resolution, got"):
        DetectionData(Painted(4), None, Fixed(1), {}, multi_scale=sides)


def test_provenance_of_all_parts(tmp_path) -> None:
    assert data(Painted(4, provenance="proxy images")).provenance == PROXY_IMAGES
    path = tmp_path / "a.json"
    image, box = {"id": 1, "file_name": "a.png", "width": 9, "height": 9}, {"id": 1, "image_id": 1, "category_id": 1}
    box |= {"bbox": [1, 1, 3, 3], "area": 9, "iscrowd": 0}
    page = {"images": [image], "categories": [{"id": 1, "name": "cat"}], "annotations": [box]}
    path.write_text(str(page).replace("'", '"'))
    assert data(tiling=FromDataset(path)).provenance == REAL_IMAGES | OBJECT_COUNTS


# --- training batches ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("augmentations", [{}, STUDENT])
@pytest.mark.parametrize("multi_scale", [None, (16, 48)])
def test_batches_are_channels_last_floats_within_range(augmentations, multi_scale) -> None:
    made = data(augmentations=augmentations, multi_scale=multi_scale, mosaic=0.5)
    batches = list(training(made))
    assert len(batches) == 3
    for batch in batches:
        assert batch.images.dtype == torch.float32 and batch.images.is_contiguous(memory_format=torch.channels_last)
        assert batch.images.min() >= 0 and batch.images.max() <= 1 + 1e-6
        assert len(batch.images) == batch.targets.batch_size == len(batch.sizes) == len(batch.names) == 4


def test_every_image_once_an_epoch_and_another_order_in_the_next() -> None:
    made = data()
    first, second = numbers(list(training(made, 0))), numbers(list(training(made, 1)))
    assert sorted(first) == sorted(second) == list(range(12)) and first != second
    assert len(list(training(data(steps_per_epoch=7)))) == 7


class Marker(Augmentation):
    """Adds a number of the generator, and may leave the range."""

    def __call__(self, images: Tensor, targets: Targets, generator: Generator) -> tuple[Tensor, Targets]:
        return images + 1 + torch.rand(1, generator=generator), targets


def test_only_training_batches_are_augmented() -> None:
    made = data(val=Painted(4), augmentations={"marker": Marker(), "none": None}, multi_scale=(48, 48))
    assert all((batch.images == 1).all() and batch.images.shape[-1] == 48 for batch in training(made))
    (batch,) = validation(made)
    for i in range(4):
        assert torch.equal((batch.images[i] * 255).round().byte(), Painted(4)[i].image)
    assert batch.seed is None and batch.sizes == [(2 * SIDE, SIDE + i) for i in range(4)]


def test_the_seed_of_a_batch_decides_its_augmentation() -> None:
    made = data(augmentations=STUDENT, multi_scale=(16, 48))
    first, *_ = made.train_dataloader()
    once, again = made.on_after_batch_transfer(first, 0), made.on_after_batch_transfer(first, 0)
    assert alike([once], [again])
    assert alike([once], [data(augmentations=STUDENT, multi_scale=(16, 48)).on_after_batch_transfer(first, 0)])
    batches = [batch for epoch in range(3) for batch in training(made, epoch)]
    assert len({batch.seed for batch in batches} - {None}) == 9
    assert len({seed for batch in batches for seed in batch.seeds}) == 36


def test_images_of_a_batch_are_augmented_each_for_itself() -> None:
    """Even where one draw for a batch was asked for: what a batch is depends on the number of processes."""
    made = [data(Painted(4), augmentations=each, steps_per_epoch=9) for each in ({}, {"flip": Flip(0.5)})]
    images = [torch.cat([batch.images for batch in training(each)]) for each in made]
    flipped = [not torch.equal(*pair) for pair in zip(*images, strict=True)]
    assert 9 < sum(flipped) < 27 and {sum(flipped[i : i + 4]) for i in range(0, 36, 4)} - {0, 4}


def test_augmentations_move_the_boxes() -> None:
    for plain, flipped in zip(training(data()), training(data(augmentations={"flip": Flip(1.0)})), strict=True):
        torch.testing.assert_close(flipped.targets.boxes[:, 0], 1 - plain.targets.boxes[:, 2])
        assert torch.equal(flipped.images, plain.images.flip(-1))


def test_multi_scale_draws_multiples_of_the_stride() -> None:
    made = data(multi_scale=(24, 40), batch_size=1, steps_per_epoch=60)
    batches = list(training(made))
    assert {batch.images.shape[-1] for batch in batches} == {24, 28, 32, 36, 40}
    for batch in batches:
        i = numbers([batch])[0]
        assert torch.equal(batch.targets.boxes, Painted(12)[i].boxes)
        if batch.images.shape[-1] == SIDE:
            assert torch.equal((batch.images[0] * 255).round().byte(), Painted(12)[i].image)
        assert round(float(batch.images[0, 0, 0, 0]) * 255) == i


def test_multi_scale_draws_what_both_detectors_take() -> None:
    made = data(multi_scale=(16, 48), batch_size=1, steps_per_epoch=60)
    made.check_resolution({"teacher": network(), "student": TinyDetector()})
    assert {batch.images.shape[-1] for batch in training(made)} == {16, 24, 32, 40, 48}


class Stripes(Augmentation):
    """Takes more numbers for some images than for others, and switches boxes off."""

    def __call__(self, images: Tensor, targets: Targets, generator: Generator) -> tuple[Tensor, Targets]:
        count = int(torch.randint(1, 9, (1,), generator=generator))
        stripes = torch.rand(len(images), 1, count, 1, generator=generator).repeat_interleave(SIDE // count + 1, 2)
        return images * stripes[:, :, : images.shape[2]], targets.keep(torch.arange(len(targets)) >= count - 4)


@pytest.mark.parametrize("workers", [0, 1])
def test_two_processes_share_each_batch(workers: int) -> None:
    options = {"tiling": Uniform(4), "mosaic": 0.5, "multi_scale": (16, 48), "workers": workers, "steps_per_epoch": 6}
    options["augmentations"] = STUDENT | {"stripes": Stripes()}
    alone, parts = list(training(data(**options), 1)), [training(rank(data(**options), r, 2), 1) for r in range(2)]
    for whole, *shares in zip(alone, *parts, strict=True):
        boxes = whole.targets.per_image()
        for r, share in enumerate(shares):
            own = slice(r, None, 2)
            assert len(share.images) == 2 and share.names == whole.names[own] and share.sizes == whole.sizes[own]
            assert torch.equal(share.images, whole.images[own])
            for one, other in zip(share.targets.per_image(), boxes[own], strict=True):
                assert all(map(torch.equal, one, other))
    assert len({batch.images.shape[-1] for batch in alone}) > 2
    assert not all(batch.targets.valid.all() for batch in alone)
    with pytest.raises(ValueError, match="batch_size=4 must be a multiple .* 3"):
        rank(data(), 0, 3).train_dataloader()


@pytest.mark.parametrize("options", [{"cache_gib": 0.0}, {"workers": 2}, {"workers": 2, "cache_gib": 0.0}])
def test_neither_cache_nor_workers_change_a_batch(options: dict[str, Any]) -> None:
    mixed = {"tiling": Uniform(4), "mosaic": 0.5, "augmentations": STUDENT, "multi_scale": (24, 40)}
    sets = [(Painted(12, bad={3}), Painted(5, bad={1})) for _ in range(2)]
    made, other = (data(*pair, **mixed | each) for pair, each in zip(sets, ({}, options), strict=True))
    for epoch in (0, 1):
        assert alike(list(training(made, epoch)), list(training(other, epoch)))
    assert alike(validation(made), validation(other))


def test_a_cached_set_is_read_once_and_another_as_often_as_needed() -> None:
    train, val = Painted(12), Painted(4)
    made = data(train, val)
    assert train.reads == 12 and val.reads == 4
    list(training(made)), validation(made)
    assert train.reads == 12 and val.reads == 4
    train = Painted(12)
    made = data(train, cache_gib=12 * 3 * SIDE**2 / 2**30 * 0.99)
    assert train.reads == 12, "to find bad images"
    list(training(made))
    assert train.reads == 24
    computed = Painted(12)
    computed.computed = True
    data(computed, cache_gib=0.0)
    assert computed.reads == 0, "none of them can be bad"


@pytest.mark.parametrize(("copies", "cached"), [(1.99, False), (2.01, True)])
@pytest.mark.parametrize("number", [0, 1])
def test_each_process_keeps_a_copy_within_the_same_memory(copies: float, cached: bool, number: int) -> None:
    train = Painted(12, bad={3})
    cache_gib = copies * 12 * 3 * SIDE**2 / 2**30
    made = DetectionData(train, None, Fixed(1), {}, mosaic=0.0, batch_size=4, cache_gib=cache_gib)
    made.match_classes(CLASSES)
    usable = [i for i in range(12) if i != 3]
    strategy = SimpleNamespace(broadcast=lambda found: found if number == 0 else usable)
    rank(made, number, 2).trainer.strategy = strategy
    made.setup("fit")
    # What does not fit into memory is checked by the first process for both.
    assert train.reads == (12 if cached or number == 0 else 0)
    assert {*numbers(list(training(made)))} <= {*usable}


def test_processes_that_can_read_different_images_are_an_error() -> None:
    made = DetectionData(Painted(12, bad={3}), None, Fixed(1), {}, batch_size=4)
    rank(made, 1, 2).trainer.strategy = SimpleNamespace(broadcast=lambda found: list(range(12)))
    with pytest.raises(ValueError, match="training images: this process cannot read the same"):
        made.setup("fit")


@pytest.mark.parametrize("cache_gib", [0.0, 2.0])
def test_bad_images_are_found_once_and_never_drawn(cache_gib: float) -> None:
    train, val = Painted(12, bad={3, 7}), Painted(5, bad={0})
    made = data(train, val, tiling=Uniform(4), mosaic=0.5, cache_gib=cache_gib)
    made.setup("validate")
    assert len(train.bad_files) == 2 and len(val.bad_files) == 1
    assert len(made.open_training_set()) == 10 and numbers(validation(made)) == [1, 2, 3, 4]
    for epoch in range(3):
        list(training(made, epoch))
    assert len(train.bad_files) == 2 and len(val.bad_files) == 1


# --- validation ----------------------------------------------------------------------------------------------------


def test_processes_share_the_validation_images() -> None:
    parts = [numbers(validation(rank(data(val=Painted(12, bad={4})), r, 2))) for r in range(2)]
    assert sorted(parts[0] + parts[1]) == [i for i in range(12) if i != 4]
    assert [len(part) for part in parts] == [6, 5]
    assert [len(batch.images) for batch in validation(rank(data(val=Painted(11)), 0, 2))] == [2, 2, 2]


def test_examples_are_spread_over_the_validation_images() -> None:
    val = Painted(20, ("dog", "unicorn"), bad={7})
    shown = data(val=val).validation_examples(4)
    assert [example.name for example in shown] == ["2.png", "8.png", "12.png", "17.png"]
    assert shown[0].labels.tolist() == [1] and shown[3].labels.tolist() == []
    assert len(data(val=Painted(3)).validation_examples(8)) == 3
    for there in range(8, 17):
        shown = [int(example.name.split(".")[0]) for example in data(val=Painted(there)).validation_examples(8)]
        gaps = [after - before for before, after in zip([-1, *shown], [*shown, there], strict=True)]
        assert len(shown) == 8 and min(gaps) >= 1 and max(gaps) <= 2
        assert there == 8 or shown != list(range(8))


def test_no_validation_images() -> None:
    made = data()
    assert made.val_dataloader() == [] and made.evaluated == []


class Spectator(pl.LightningModule):
    """Notes what a trainer hands to it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen: list[Batch] = []
        self.trained: list[Batch] = []

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        self.trained.append(batch)
        return self.weight.sum()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.seen.append(batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_trainer_sees_the_images_that_can_be_used(workers: int) -> None:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = pl.Trainer(accelerator="cpu", max_epochs=2, enable_checkpointing=False, num_sanity_val_steps=0, **quiet)
    made = DetectionData(
        Painted(8), Painted(9, bad={4, 5, 6, 7}), Fixed(1), STUDENT, mosaic=0.0, batch_size=4, workers=workers
    )
    made.match_classes(CLASSES)
    made.require_labels(["detection"])
    module = Spectator()
    trainer.validate(module, datamodule=made, verbose=False)
    assert [len(batch.images) for batch in module.seen] == [4, 1]
    assert module.seen[0].images.dtype == torch.float32 and numbers(module.seen) == [0, 1, 2, 3, 8]
    trainer.fit(module, datamodule=made)
    assert len(module.seen) == 6 and len(made.val.bad_files) == 4
    assert sorted(numbers(module.trained[:2])) == list(range(8)) and len(module.trained) == 4
    assert numbers(module.trained[:2]) != numbers(module.trained[2:])


def test_validation_images_that_are_training_images_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = ShapesWorld("train", 4, 32)
    images = TrainingSet(RelabeledSet(world, range(8)), 32, Fixed(1), 0.0)
    write_tiled(images, 4, 0, tmp_path, world.class_names, REAL_IMAGES, {})
    data = DetectionData(Synthetic(tmp_path, 32), Synthetic(tmp_path, 32, limit=3), Fixed(1), {})
    data.match_classes(world.class_names)
    assert "val: 3 of 3 images are training images" in caplog.text
