"""A classifier of crops during its training."""

import copy
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from safetensors import safe_open
from torch import nn

from diode_pl.classification.datamodule import CropData
from diode_pl.classification.module import Classification
from diode_pl.classifier import BinaryCrossEntropy, ClassificationLoss, CropClassifier, CrossEntropy, load_classifier
from diode_pl.data.readers import ImageSet
from diode_pl.provenance import REAL_IMAGES, Provenance
from diode_pl.training.optim import Recipe
from diode_pl.training.trainer import build_training_trainer
from tests.data.colored import Colored
from tests.training_run import StopsAt, without_seconds
from tests.training_run import same as identical

BOTH = {"cross_entropy": CrossEntropy(), "binary": BinaryCrossEntropy()}


class Infinite(ClassificationLoss):
    """A term that breaks at one step, in its value or only in its gradient."""

    kind = "softmax"

    def __init__(self, step: int, gradient_only: bool = False) -> None:
        super().__init__()
        self.step, self.gradient_only, self.steps = step, gradient_only, 0

    def forward(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        self.steps += 1
        if self.steps - 1 != self.step:
            return logits.square().mean()
        return (logits * 0).sum().sqrt() if self.gradient_only else logits.mean() * float("inf")


def shallow(**given: Any) -> CropClassifier:
    """A classifier of a few hundred weights, for what does not depend on the network."""
    classifier = CropClassifier(**given)
    outputs = nn.Linear(8, len(classifier.class_names))
    layers = (nn.Conv2d(3, 8, 3, 2, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    classifier.network = nn.Sequential(*layers, outputs)
    return classifier


def parts(
    losses: Any = BOTH,
    classifier: Any = shallow,
    train: ImageSet | None = None,
    epochs: int = 2,
    callbacks: dict[str, pl.Callback] | None = None,
    data: dict[str, Any] | None = None,
    **options: Any,
) -> tuple[Classification, CropData, pl.Trainer]:
    """All that a training takes, new at every call and always the same."""
    recipe = Recipe(
        partial(torch.optim.SGD, lr=0.02, momentum=0.9, weight_decay=1e-4),
        warmup_epochs=0.5,
        warmup_steps=0,
        nominal_batch=None,
    )
    torch.manual_seed(0)
    crops = CropData(train or Colored(20), **{"crop_size": 16, "batch_size": 8, "held_out": 0.25} | (data or {}))
    module = Classification(classifier, copy.deepcopy(losses), recipe, crops, log_every=1)
    trainer = build_training_trainer({}, {}, epochs, accelerator="cpu", **options)
    trainer.callbacks.extend((callbacks or {}).values())  # the trainer itself takes no checkpoints
    return module, crops, trainer


def trained(ckpt: Path | None = None, **options: Any) -> Classification:
    module, crops, trainer = parts(**options)
    trainer.fit(module, datamodule=crops, ckpt_path=ckpt)
    return module


@pytest.fixture(scope="module")
def learned() -> Classification:
    """Trained until it knows its classes."""
    return trained(classifier=CropClassifier, train=Colored(60), epochs=5, data={"batch_size": 16})


def test_learns(learned: Classification) -> None:
    first, *_, last = learned.history
    assert last["loss/total"] < 0.6 * first["loss/total"] and last["train/accuracy"] > first["train/accuracy"]
    assert learned.scores["accuracy"] > 0.8 and learned.scores["macro_accuracy"] > 0.8  # a third by chance
    assert last["val/accuracy"] == learned.scores["accuracy"]


def test_the_scores_are_those_of_the_held_out_crops(learned: Classification) -> None:
    data = CropData(Colored(60), crop_size=16, batch_size=7, held_out=0.25)
    data.setup("fit")
    right: dict[int, list[bool]] = {0: [], 1: [], 2: []}
    for batch in data.val_dataloader():
        crops, labels = data.on_after_batch_transfer(batch, 0)
        with torch.no_grad():
            found = learned.classifier.eval()(crops).argmax(dim=1)
        for label, is_right in zip(labels.tolist(), (found == labels).tolist(), strict=True):
            right[label].append(is_right)
    assert sum(map(len, right.values())) == learned.counts["held_out_crops"] == 30
    rates = [sum(each) / len(each) for each in right.values()]
    assert [*learned.per_class.values()] == pytest.approx(rates) and [*learned.per_class] == ["red", "green", "blue"]
    assert learned.scores["macro_accuracy"] == pytest.approx(sum(rates) / 3)
    assert learned.scores["accuracy"] == pytest.approx(sum(map(sum, right.values())) / 30)


def test_the_history_has_every_term_and_the_total_is_their_weighted_sum() -> None:
    losses = {"a": CrossEntropy(2.0), "b": BinaryCrossEntropy(0.5), "none": None, "zero": CrossEntropy(0.0)}
    entry = trained(losses=losses, epochs=1).history[0]
    assert {key for key in entry if key.startswith("loss/")} == {"loss/a", "loss/b", "loss/total"}
    assert entry["loss/total"] == pytest.approx(2 * entry["loss/a"] + 0.5 * entry["loss/b"], rel=1e-5)
    assert {"epoch", "lr", "seconds", "train/accuracy", "val/accuracy", "val/macro_accuracy"} <= entry.keys()


def test_a_stopped_run_ends_like_one_that_was_not(tmp_path: Path) -> None:
    def keep(folder: Path) -> ModelCheckpoint:
        return ModelCheckpoint(
            folder, "last", save_top_k=-1, save_on_train_epoch_end=True, enable_version_counter=False
        )

    def end(folder: Path) -> dict[str, Any]:
        return torch.load(folder / "last.ckpt", weights_only=True)

    trained(epochs=3, callbacks={"keep": keep(tmp_path / "whole")})
    with pytest.raises(ConnectionAbortedError):
        trained(epochs=3, callbacks={"keep": keep(tmp_path / "parts"), "accident": StopsAt(2)})
    assert end(tmp_path / "parts")["epoch"] == 1
    trained(tmp_path / "parts" / "last.ckpt", epochs=3, callbacks={"keep": keep(tmp_path / "parts")})
    found, expected = end(tmp_path / "parts"), end(tmp_path / "whole")
    for content in (found, expected):
        content["classification"]["history"] = without_seconds(content["classification"]["history"])
    for key in ("state_dict", "optimizer_states", "classification", "epoch", "global_step"):
        assert identical(found[key], expected[key]), key
    assert len(found["classification"]["history"]) == 3


def test_the_form_of_the_logits_goes_with_the_losses() -> None:
    assert parts()[0].classifier.kind == "both"
    assert parts(losses={"a": CrossEntropy()})[0].classifier.kind == "softmax"
    assert parts(losses={"a": BinaryCrossEntropy(), "b": None})[0].classifier.kind == "sigmoid"
    for losses in ({}, {"a": None}, {"a": CrossEntropy(0.0)}):
        with pytest.raises(ValueError, match="no loss with a weight above 0"):
            parts(losses=losses)


def test_the_network_fits_the_data() -> None:
    classifier = parts()[0].classifier
    assert classifier.class_names == ("red", "green", "blue") and classifier.crop_size == 16


@pytest.mark.parametrize(
    ("step", "gradient_only", "said", "epochs"),
    [(1, False, "loss/broken, loss/total", 0), (4, False, "loss/broken", 1), (2, True, "the classifier's weights", 0)],
)
def test_stops_at_what_is_not_finite(step: int, gradient_only: bool, said: str, epochs: int) -> None:
    module, crops, trainer = parts(losses={"fine": CrossEntropy(), "broken": Infinite(step, gradient_only)})
    with pytest.raises(FloatingPointError, match=rf"not finite in epoch {epochs}: .*{said}.*lower lr of") as error:
        trainer.fit(module, datamodule=crops)
    assert len(module.history) == epochs and (gradient_only or "loss/fine" not in str(error.value))


def test_without_held_out_images_nothing_is_known() -> None:
    module = trained(epochs=1, data={"held_out": 0.0})
    assert not module.scores and not module.per_class and "val/accuracy" not in module.history[0]


def test_an_epoch_that_is_not_measured_has_no_scores_and_the_last_one_always_is() -> None:
    module = trained(epochs=3, check_val_every_n_epoch=2)
    assert ["val/accuracy" in entry for entry in module.history] == [False, True, True]


def test_a_resume_without_held_out_images_forgets_what_was_measured(tmp_path: Path) -> None:
    measured = trained(epochs=1, callbacks={"keep": ModelCheckpoint(tmp_path, "last", save_on_train_epoch_end=True)})
    assert measured.scores and measured.per_class
    module = trained(tmp_path / "last.ckpt", epochs=2, data={"held_out": 0.0})
    assert len(module.history) == 2 and not module.scores and not module.per_class


def test_classes_that_were_not_trained_are_no_errors() -> None:
    # Of blue there is one thing, in an image that is held out.
    module = trained(train=Colored(8, (8, 7, 1)), epochs=1, data={"seed": 4})
    assert module.untrained == ["blue"] and module.per_class["blue"] == 0
    module.confusion.update(torch.tensor([0, 0, 1, 0, 0]), torch.tensor([0, 0, 1, 1, 2]))
    module.log_dict = module.log = lambda *_, **__: None  # type: ignore[method-assign]
    module.on_validation_epoch_end()
    assert module.per_class == {"red": 1, "green": 0.5, "blue": 0} and module.scores["accuracy"] == 0.6
    assert module.scores["macro_accuracy"] == 0.75
    module.scores = {}
    module.confusion.update(torch.tensor([0]), torch.tensor([2]))
    module.on_validation_epoch_end()
    assert not module.scores


def test_one_class_leaves_nothing_to_tell() -> None:
    with pytest.raises(ValueError, match=r"^train: .* only one, red$"):
        parts(train=Colored(6, (1,), ("red",)))


def test_a_class_without_crops_has_no_accuracy() -> None:
    module = trained(train=Colored(20, (1, 1, 0)), epochs=1)
    assert module.per_class["blue"] is None and module.untrained == ["blue"]
    rates = [module.per_class["red"], module.per_class["green"]]
    assert module.scores["macro_accuracy"] == pytest.approx(sum(rates) / 2)


def test_what_is_saved_tells_what_is_known(tmp_path: Path, learned: Classification) -> None:
    learned.provenance = Provenance(teacher=True)
    learned.save(tmp_path / "run" / "classifier.safetensors")
    classifier, record = load_classifier(tmp_path / "run" / "classifier.safetensors")
    assert record.accuracy == learned.scores["accuracy"] and record.per_class == learned.per_class
    assert record.macro_accuracy == learned.scores["macro_accuracy"]
    assert record.provenance == Provenance(teacher=True) and record.untrained == ()
    crops = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(classifier(crops), learned.classifier.eval()(crops))


def test_a_checkpoint_adds_what_it_has_seen() -> None:
    module = parts()[0]
    module.provenance = Provenance(teacher=True)
    module.on_load_checkpoint({"classification": {"data_access": ["real images"], "history": []}})
    assert module.provenance == Provenance(teacher=True) | REAL_IMAGES


@pytest.mark.parametrize(("before", "now"), [(True, False), (False, True), (False, False)])
def test_images_from_outside_are_not_forgotten(tmp_path: Path, before: bool, now: bool) -> None:
    module = parts()[0]
    module.outside = now
    module.on_load_checkpoint({"classification": {"outside": before, "history": []}})
    assert module.outside == (before or now) and "outside" in module.kept
    module.save(tmp_path / "classifier.safetensors")
    with safe_open(tmp_path / "classifier.safetensors", "pt") as file:
        assert json.loads(file.metadata()["record"])["outside"] == module.outside


@pytest.mark.slow
def test_two_processes_train_the_same_classifier(tmp_path: Path) -> None:
    def end(name: str, **options: Any) -> dict[str, Any]:
        keep = ModelCheckpoint(tmp_path, name, save_top_k=-1, save_on_train_epoch_end=True)
        trained(epochs=1, callbacks={"keep": keep}, **options)
        return torch.load(tmp_path / f"{name}.ckpt", weights_only=True)

    alone, together = end("alone"), end("together", devices=2)
    assert together["classification"]["counts"] == alone["classification"]["counts"]
    one, two = (each["classification"]["history"][0] for each in (alone, together))
    for key in ("loss/total", "loss/cross_entropy"):
        assert two[key] == pytest.approx(one[key], rel=1e-3)
    assert sum(rate is not None for rate in together["classification"]["per_class"].values()) == 3
