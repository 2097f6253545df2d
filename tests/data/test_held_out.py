"""Validation images that are a part of the training images."""

import hashlib
import json
import os
from pathlib import Path

import pytest
import torch

from diode_pl.data import DetectionData
from diode_pl.data.held_out import HeldOut
from diode_pl.data.readers import BadFileCounter, BadImage, Example, ImageSet, WeightedUnion
from diode_pl.data.readers.files import ImageFiles
from diode_pl.data.tiling import Fixed
from diode_pl.distillation.evaluation import Evaluation
from diode_pl.distillation.jobs import evaluate
from diode_pl.distillation.losses import Detection
from diode_pl.io.annotation import Annotation
from tests.data.readers.pictures import paint
from tests.tiny import CLASSES, TinyDetector
from tests.training_run import NAMES, run, some_data, some_trainer, tiny_detector

SIDE = 64


class Patterns(ImageSet):
    """Images of which no two are alike, unless ``copies`` says which other one an image repeats."""

    def __init__(self, count: int, names=CLASSES, bad=(), copies=None, order=None, max_bad: int = 10) -> None:
        super().__init__(names, SIDE, "real images", max_bad)
        self.bad, self.copies, self.order = bad, copies or {}, list(order or range(count))

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, i: int) -> Example:
        number = self.order[i]
        if number in self.bad:
            raise BadImage(f"{number}", "torn")
        generator = torch.Generator().manual_seed(self.copies.get(number, number))
        cells = torch.randint(256, (3, 8, 8), generator=generator, dtype=torch.uint8)
        image = cells.repeat_interleave(SIDE // 8, 1).repeat_interleave(SIDE // 8, 2)
        box, label = torch.tensor([[0.25, 0.25, 0.75, 0.75]]), torch.tensor([number % max(1, len(self.class_names))])
        shown = slice(0, 1 if self.class_names else 0)
        return Example(Path(f"{number}.png"), box[shown], label[shown], (SIDE, SIDE), image)


def data(train: ImageSet, fraction: float = 0.2, seed: int = 0, **options) -> DetectionData:
    made = DetectionData(train, HeldOut(fraction, seed), Fixed(1), {}, mosaic=0.0, batch_size=4, **options)
    made.check_resolution({"student": TinyDetector()})
    made.match_classes(CLASSES)
    made.setup("fit")
    return made


def sides(made: DetectionData) -> tuple[set[str], set[str]]:
    """Names of the images that are trained on, and of those that are measured on."""
    train = made.open_training_set().source
    val = [name for batch in made.val_dataloader() for name in batch.names]
    return {train[i].name for i in range(len(train))}, set(val)


def test_both_sides_are_the_set(caplog: pytest.LogCaptureFixture) -> None:
    images = Patterns(31, bad={7})
    made = data(images)
    train, val = sides(made)
    assert len(val) == 6 and len(train) == 24 and not train & val
    assert train | val == {f"{i}.png" for i in range(31)} - {"7.png"}
    assert caplog.text.count("skipped 7") == 1  # found once
    assert len(images.bad_files) == 1 and len(made.val.bad_files) == 0
    assert made.val.class_names == CLASSES and made.val.resolution == made.resolution == SIDE
    assert {each.name for each in made.validation_examples(6)} == val
    assert "training images, which flatters" not in caplog.text


def test_the_draw_depends_on_seed_and_names_alone() -> None:
    first = sides(data(Patterns(40)))[1]
    torch.manual_seed(5)
    assert sides(data(Patterns(40, order=reversed(range(40))), cache_gib=0.0))[1] == first
    assert sides(data(Patterns(40), seed=1))[1] != first
    assert first <= sides(data(Patterns(44), fraction=0.3))[1]  # more pictures move none of them


def test_names_that_are_not_in_utf_8_have_a_place() -> None:
    names = [os.fsdecode(b"caf\xe9.png"), "größe.png", "a.png"]
    places = [HeldOut(0.2, seed=3)._place(name) for name in names]
    assert places[1] == hashlib.sha256("3 größe.png".encode()).digest() and len({*places}) == 3


def test_copies_are_on_one_side() -> None:
    copies = {i: i // 3 * 3 for i in range(30)}  # ten pictures, each thrice
    train, val = sides(data(Patterns(30, copies=copies), 0.3))
    assert len(val) == 9 and not {int(n[:-4]) // 3 for n in train} & {int(n[:-4]) // 3 for n in val}


def test_lists_name_the_files_of_both_sides(tmp_path: Path) -> None:
    paths = [paint(tmp_path / f"{i}.png", (64 + 8 * i, 64), (40 * i, 200, 255 - 40 * i)) for i in range(6)]
    known = [Annotation.from_objects(path, [(0, (0.1, 0.1, 0.5, 0.9))]) for path in paths]
    made = data(ImageFiles(known, CLASSES, SIDE, "real images", BadFileCounter(0), None, True), fraction=0.5)
    made.list_held_out(tmp_path)
    kept, held = ({*(tmp_path / name).read_text().split()} for name in ("train.txt", "held_out.txt"))
    assert held and not kept & held and kept | held == {path.name for path in paths}
    assert held == {Path(made._validation[i].name).name for i in range(len(made._validation))}


def test_images_without_files_are_not_listed(tmp_path: Path) -> None:
    data(Patterns(10)).list_held_out(tmp_path)
    assert not list(tmp_path.iterdir())


def test_sets_without_labels_are_trained_on_alone() -> None:
    union = WeightedUnion({"ours": Patterns(10), "public": Patterns(0, (), order=range(100, 120))})
    train, val = sides(data(union, 0.5))
    assert len(val) == 5 and all(int(name[:-4]) < 10 for name in val) and len(train) == 25


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan")])
def test_bad_fractions(fraction: float) -> None:
    with pytest.raises(ValueError, match=r"^fraction must be in \(0, 1\), got"):
        HeldOut(float(fraction))


def test_each_side_has_an_image_or_it_is_an_error() -> None:
    train, val = sides(data(Patterns(3), 0.01))
    assert (len(train), len(val)) == (2, 1) and len(sides(data(Patterns(3), 0.99))[0]) == 1
    for images in (Patterns(1), Patterns(4, copies={1: 0, 2: 0, 3: 0})):
        with pytest.raises(ValueError, match=r"^fraction: 0.5 of \d labeled training images.* both sides have one"):
            data(images, 0.5)
    for nothing, what in ((None, "no training images"), (Patterns(3, ()), "training images without labels")):
        with pytest.raises(ValueError, match=f"^val: a fraction of labeled .* there are {what}"):
            DetectionData(nothing, HeldOut(), Fixed(1), {})


@pytest.mark.usefixtures("quick_report")
def test_an_evaluation_measures_what_the_training_held_out(tmp_path: Path) -> None:
    def images() -> Patterns:
        return Patterns(20, NAMES, bad={3})

    options = {"epochs": 1, "teacher": None, "losses": {"labels": Detection()}}
    score, _ = run(tmp_path / "run", train=images(), val=HeldOut(0.3), **options)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["skipped"] == {"train": 1, "val": 0}
    evaluation = Evaluation(tiny_detector(3), None, some_data(images(), HeldOut(0.3)))
    assert evaluate(evaluation, some_trainer(), tmp_path, {}, tmp_path / "run" / "best.ckpt") == pytest.approx(score)
    assert json.loads((tmp_path / "measured.json").read_text())["student"] == metrics["student"]
    before = (tmp_path / "run" / "metrics.json").read_bytes()
    run(tmp_path / "run", train=images(), val=HeldOut(0.3), **options)
    assert (tmp_path / "run" / "metrics.json").read_bytes() == before
