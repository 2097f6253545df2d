"""A run of the training of a classifier: stopped, resumed, refused, from the command line, put to use."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from PIL import Image
from pytorch_lightning.callbacks import WeightAveraging
from safetensors.torch import load_file
from torch import nn

import train as entry_point
from diode_pl.classification.datamodule import CropData
from diode_pl.classification.job import train_classifier
from diode_pl.classification.module import Classification
from diode_pl.classifier import BinaryCrossEntropy, CropClassifier, CrossEntropy, load_classifier
from diode_pl.data.pseudo_labels import LabelPolicy
from diode_pl.data.readers import ImageSet
from diode_pl.provenance import Provenance
from diode_pl.training.ema import WarmupEMA
from diode_pl.training.optim import Recipe
from diode_pl.training.trainer import build_training_trainer
from tests.command_line import run_main
from tests.data.colored import COLORS, Colored
from tests.data.knowing import knowing
from tests.training_run import StopsAt, checkpoint, same, without_seconds, write_teacher

CONF = Path(__file__).resolve().parents[2] / "conf"
FILES = {"classifier.ckpt", "classifier.safetensors", "metrics.json", "curves.png", "crops.png", "configuration.json"}
FILES |= {"report.html"}
EPOCHS = 3


def shallow(**given: Any) -> CropClassifier:
    """A classifier of a few hundred weights, for what does not depend on the network."""
    classifier = CropClassifier(**given)
    layers = (nn.Conv2d(3, 8, 3, 2, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    classifier.network = nn.Sequential(*layers, nn.Linear(8, len(classifier.class_names)))
    return classifier


def run(
    folder: Path,
    ckpt: Path | None = None,
    settings: dict[str, Any] | None = None,
    classifier: Callable[..., CropClassifier] = shallow,
    train: ImageSet | None = None,
    epochs: int = EPOCHS,
    callbacks: dict[str, pl.Callback] | None = None,
    data: dict[str, Any] | None = None,
    **options: Any,
) -> tuple[float | None, Classification]:
    """Trains; returns the accuracy and what was trained."""
    torch.manual_seed(0)
    optimizer = partial(torch.optim.SGD, lr=0.02, momentum=0.9, weight_decay=1e-4)
    recipe = Recipe(optimizer, warmup_epochs=0.5, warmup_steps=0, nominal_batch=None)
    losses = {"cross_entropy": CrossEntropy(), "binary": BinaryCrossEntropy()}
    crops = CropData(train or Colored(20), **{"crop_size": 16, "batch_size": 8, "held_out": 0.25} | (data or {}))
    module = Classification(classifier, losses, recipe, crops, log_every=1, **options)
    listeners = {"ema": WeightAveraging(multi_avg_fn=WarmupEMA())} | (callbacks or {})
    trainer = build_training_trainer(listeners, {}, epochs, accelerator="cpu")
    return train_classifier(module, trainer, folder, settings or {"seed": 0}, ckpt), module


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    run(folder)
    return folder


def metrics(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text())


def assert_same_end(folder: Path, whole: Path) -> None:
    found, expected = checkpoint(folder, "classifier.ckpt"), checkpoint(whole, "classifier.ckpt")
    for key in ("state_dict", "current_model_state", "averaging_state", "optimizer_states", "epoch", "global_step"):
        assert same(found[key], expected[key]), key
    told = [metrics(folder), metrics(whole)]
    for each in told:
        each["history"] = without_seconds(each["history"])
        del each["seconds"]
    assert told[0] == told[1]
    assert same(load_file(folder / "classifier.safetensors"), load_file(whole / "classifier.safetensors"))
    assert (folder / "crops.png").read_bytes() == (whole / "crops.png").read_bytes()


@pytest.mark.parametrize("last", [1, 2])
def test_a_stopped_run_ends_like_one_that_was_not(
    tmp_path: Path, whole: Path, last: int, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ConnectionAbortedError):
        run(tmp_path, callbacks={"accident": StopsAt(last)})
    assert len(checkpoint(tmp_path, "classifier.ckpt")["classification"]["history"]) == last
    shown = {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")}
    assert shown == {"classifier.ckpt", "configuration.json"}
    kept = f"{last} epochs are kept in classifier.ckpt"
    assert f"{tmp_path}: stopped; {kept}; the same command goes on from there" in caplog.messages
    accuracy, _ = run(tmp_path)
    assert_same_end(tmp_path, whole)
    assert accuracy == metrics(whole)["macro_accuracy"]


def test_goes_on_in_another_folder(tmp_path: Path, whole: Path) -> None:
    with pytest.raises(ConnectionAbortedError):
        run(tmp_path / "first", callbacks={"accident": StopsAt(1)})
    run(tmp_path / "second", ckpt=tmp_path / "first" / "classifier.ckpt")
    assert_same_end(tmp_path / "second", whole)


def test_leaves_what_is_known_of_the_classifier(whole: Path) -> None:
    assert {path.name for path in whole.iterdir()} == FILES
    told, kept = metrics(whole), checkpoint(whole, "classifier.ckpt")["classification"]
    assert told["counts"] == kept["counts"] and sum(told["counts"][key] for key in ("crops", "held_out_crops")) == 40
    assert list(told["per_class"]) == list(COLORS) and told["untrained"] == []
    assert told["epochs"] == EPOCHS == len(told["history"]) and told["data_access"] == "teacher-only"
    assert told["accuracy"] == told["history"][-1]["val/accuracy"] and told["seconds"] > 0
    assert Image.open(whole / "curves.png").width == 1200 and Image.open(whole / "crops.png").width > 0


def test_what_is_written_is_the_average_and_not_the_last_step(whole: Path) -> None:
    content = checkpoint(whole, "classifier.ckpt")
    assert not same(content["state_dict"], content["current_model_state"])


def test_a_finished_run_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accuracy, module = run(tmp_path, epochs=1)
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.suffix != ".safetensors"}
    monkeypatch.setattr("pytorch_lightning.Trainer.fit", lambda *_, **__: pytest.fail("trains"))
    again, loaded = run(tmp_path, epochs=1)
    assert again == accuracy is not None and same(dict(module.state_dict()), dict(loaded.state_dict()))
    assert {path: path.read_bytes() for path in before} == before


def test_without_held_out_images_nothing_is_known(tmp_path: Path) -> None:
    accuracy, _ = run(tmp_path, epochs=1, data={"held_out": 0.0})
    assert accuracy is None and metrics(tmp_path)["accuracy"] is None and not metrics(tmp_path)["per_class"]
    assert {path.name for path in tmp_path.iterdir()} == FILES - {"crops.png"}


@pytest.mark.parametrize(
    ("images", "level"),
    [
        ("real images", "no teacher +real images +real labels"),
        ("teacher +verifier", "teacher +verifier"),
        ("teacher +real labels", "teacher +real labels"),
    ],
)
def test_says_what_the_classifier_has_seen(tmp_path: Path, images: str, level: str) -> None:
    run(tmp_path, epochs=1, train=Colored(6, provenance=images))
    assert metrics(tmp_path)["data_access"] == level


AGREEMENT = LabelPolicy(agreement=True)


def test_learns_only_where_the_teacher_agrees_and_tells_what_was_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    images = Colored(12)
    teacher = knowing(images, sees=lambda i, k: i % 3 > 0)  # eight images of twelve
    _, module = run(tmp_path / "one", epochs=1, train=images, label_source=AGREEMENT, teacher=teacher)
    told = metrics(tmp_path / "one")["counts"]
    assert (told["sampled"], told["dropped"], told["added"]) == (24, 8, 0)
    assert told["crops"] + told["held_out_crops"] == 16 and told["images"] + told["held_out_images"] == 8
    assert "of 24 labeled objects 8 are dropped" in caplog.text
    weights, folder = "distill.dicod.classifier.weights=", tmp_path / "one"
    assert caplog.messages[-1] == (
        f"{folder}/crops.png shows what it takes held-out crops for; next: python train.py +experiment=quick "
        f"'distill=[decoded,dicod_classifier]' {weights}{folder}/classifier.safetensors train.root=DIR"
    )
    assert metrics(tmp_path / "one")["data_access"] == "teacher-only" and not module.outside
    configuration = json.loads((tmp_path / "one" / "configuration.json").read_text())
    assert configuration["teacher_sha256"] == teacher.fingerprint()
    # A run that goes on is asked by the same teacher.
    other = knowing(images, lambda i, k: True, seed=1)
    with pytest.raises(ValueError, match="teacher_sha256"):
        run(tmp_path / "one", epochs=2, train=images, label_source=AGREEMENT, teacher=other)


def test_a_teacher_with_random_weights_is_not_asked(tmp_path: Path) -> None:
    images = Colored(6)
    teacher = knowing(images, lambda i, k: True)
    teacher.provenance = None
    with pytest.raises(ValueError, match=r"^teacher: .*\(Darknet\) with random weights.*Train it first"):
        run(tmp_path, train=images, label_source=AGREEMENT, teacher=teacher)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def only_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs end where the training would begin."""

    def fit(run: object, module: Classification, data: CropData, *_: object) -> bool:
        data.setup("fit")
        module.counts = dict(data.counts)
        return False

    monkeypatch.setattr("diode_pl.training.run_folder.RunFolder.fit_or_resume", fit)


def test_without_a_teacher_every_labeled_object_counts(
    tmp_path: Path, only_set_up: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    images = Colored(6)
    _, without = run(tmp_path / "none", train=images, label_source=AGREEMENT)
    assert "without a teacher every labeled object counts" in caplog.text
    _, unasked = run(tmp_path / "given", train=images, teacher=knowing(images, lambda i, k: pytest.fail("is asked")))
    for counts in (without.counts, unasked.counts):
        assert counts["crops"] + counts["held_out_crops"] == 12 and "dropped" not in counts
    with pytest.raises(ValueError, match=r"^label_source and teacher: "):
        run(tmp_path / "union", label_source=LabelPolicy("union"))


@pytest.mark.parametrize(
    ("source", "images", "seen", "outside"),
    [
        ("sampled", "real images", "teacher +real images +real labels", True),
        ("teacher", "real images", "teacher +real images", True),
        ("sampled", "teacher +verifier", "teacher +verifier", False),
    ],
)
def test_a_teacher_that_is_asked_is_seen_and_makes_no_images(
    tmp_path: Path, only_set_up: None, source: str, images: str, seen: str, outside: bool
) -> None:
    shown = Colored(6, provenance=images)
    asks = LabelPolicy(source, agreement=True)
    _, module = run(tmp_path, train=shown, label_source=asks, teacher=knowing(shown, lambda i, k: True))
    assert str(module.provenance) == seen and module.outside == outside


def test_images_without_labels_are_refused(unchecked: None) -> None:
    for train in (Colored(6, (), ()), None):
        with pytest.raises(ValueError, match="^train: crops need labeled boxes.*Take labeled images"):
            CropData(train)


def test_another_run_in_the_same_folder_is_refused(tmp_path: Path, whole: Path) -> None:
    before = {path: path.read_bytes() for path in whole.iterdir()}
    with pytest.raises(ValueError, match=r"^folder: .*\n  seed: 0 there, 1 now\nGo back"):
        run(whole, settings={"seed": 1})
    assert {path: path.read_bytes() for path in whole.iterdir()} == before
    # That of a student no less.
    (tmp_path / "student.ckpt").write_bytes(b"")
    (tmp_path / "configuration.json").write_text('{"seed": 1}')
    with pytest.raises(ValueError, match="seed: 1 there, 0 now"):
        run(tmp_path)


def test_says_what_is_wrong_with_a_checkpoint(tmp_path: Path, whole: Path) -> None:
    with pytest.raises(ValueError, match=r"ckpt: .*nowhere\.ckpt does not exist"):
        run(tmp_path / "new", ckpt=tmp_path / "nowhere.ckpt")
    student = tmp_path / "student.ckpt"
    torch.save({"state_dict": {}, "distillation": {"history": []}}, student)
    with pytest.raises(ValueError, match=r"student\.ckpt is not a checkpoint of a training.*state of a classification"):
        run(tmp_path / "new", ckpt=student)
    with pytest.raises(ValueError, match=r"another classifier, .*\(3,\) there and \(2,\) here.*training images"):
        few = Colored(6, (1, 1), ("red", "green"))
        run(tmp_path / "new", ckpt=whole / "classifier.ckpt", train=few)
    with pytest.raises(ValueError, match=r"max_epochs or max_time must be above the 3 finished epochs, "):
        run(tmp_path / "new", ckpt=whole / "classifier.ckpt")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"data": {"seed": 1}}, "seed: 0 there, 1 now"),
        ({"data": {"held_out": 0.3}}, r"crops\.held_out: 0\.25 there, 0\.3 now"),
        ({"data": {"min_pixels": 14}}, r"crops\.min_pixels: 8 there, 14 now"),
        ({"settings": {"seed": 0, "train": {"limit": 9}}}, r"train\.limit: None there, 9 now"),
        ({"label_source": AGREEMENT}, r"label_source\.agreement: False there, True now"),
    ],
)
def test_crops_that_it_learned_are_not_held_out(tmp_path: Path, whole: Path, changed: dict, said: str) -> None:
    with pytest.raises(ValueError, match=rf"^ckpt: .*trained on other crops.*\n  {said}\nGo back .*held_out"):
        run(tmp_path, ckpt=whole / "classifier.ckpt", epochs=EPOCHS + 1, **changed)
    assert not list(tmp_path.iterdir())


def test_what_is_asked_of_another_teacher_is_another_split(tmp_path: Path) -> None:
    images = Colored(6)
    one, other = (knowing(images, lambda i, k: True, seed=seed) for seed in (0, 1))
    options: dict[str, Any] = {"train": images, "label_source": AGREEMENT}
    run(tmp_path / "one", epochs=1, teacher=one, **options)
    ckpt = tmp_path / "one" / "classifier.ckpt"
    with pytest.raises(ValueError, match=r"^ckpt: .*\n  teacher_sha256: '\w+' there, '\w+' now\nGo back"):
        run(tmp_path / "two", ckpt, epochs=2, teacher=other, **options)


def test_other_crops_are_learned_from_where_none_are_held_out(tmp_path: Path, whole: Path) -> None:
    everything: dict[str, Any] = {"data": {"held_out": 0.0, "seed": 1}, "settings": {"seed": 0, "train": {"limit": 9}}}
    accuracy, _ = run(tmp_path / "all", ckpt=whole / "classifier.ckpt", epochs=EPOCHS + 1, **everything)
    told = metrics(tmp_path / "all")
    assert accuracy is None and told["accuracy"] is None and not told["per_class"] and told["epochs"] == EPOCHS + 1
    # From now on it knows all of them.
    with pytest.raises(ValueError, match=r"crops\.held_out: 0\.0 there, 0\.25 now"):
        run(tmp_path / "back", ckpt=tmp_path / "all" / "classifier.ckpt", epochs=EPOCHS + 2)


# ---------------------------------------------------------------- from the command line


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., Path]:
    """Runs the entry point in this process, which has imported everything already; returns the folder."""

    def run(folder: str, *overrides: str) -> Path:
        run_main(entry_point, f"output_dir={tmp_path / folder}", "logger=none", *overrides)
        return tmp_path / folder

    return run


def test_from_the_command_line_to_a_student(
    train: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diode_pl.distillation.report.export_onnx", lambda *_: 0.0)
    images = ["data@train=shapes", "train.size=12", "resolution=64", "trainer.accelerator=cpu"]
    sizes = ["crops.crop_size=16", "batch_size=16", "data.steps_per_epoch=2", "trainer.max_epochs=1"]
    sizes += ["callbacks.progress=null"]
    made = train("classifier", "+experiment=dicod_classifier", *images, *sizes)
    assert {path.name for path in made.iterdir()} == FILES | {"train.log"}
    classifier, record = load_classifier(made / "classifier.safetensors")
    assert classifier.kind == "both" and classifier.crop_size == 16 and classifier.backbone == "resnet18"
    assert record.provenance == Provenance.parse("teacher +real images +real labels")
    assert record.macro_accuracy == metrics(made)["macro_accuracy"]
    counts = metrics(made)["counts"]
    assert 0 < counts["dropped"] < counts["sampled"] and counts["added"] == 0  # by the embedded teacher

    tiny = [*write_teacher(tmp_path / "teacher"), "data@train=shapes_near", "train.size=8", "trainer.max_epochs=1"]
    tiny += ["distill=[mimic,dicod_classifier]", f"distill.dicod.classifier.weights={made / 'classifier.safetensors'}"]
    with pytest.raises(SystemExit, match="error: .*external=true"):
        train("refused", *tiny)
    used = ["distill.dicod.classifier.external=true", "distill.dicod.classifier.min_accuracy=0.0"]
    student = train("student", *tiny, *used)
    (entry,) = metrics(student)["history"]
    assert entry["loss/dicod"] > 0
    # The classifier's real images count, though the student was shown none.
    assert metrics(student)["data_access"] == "teacher +proxy images +real images +real labels"
    told = metrics(student)["distill"]["dicod"]["classifier"]
    assert {key: told[key] for key in ("accuracy", "macro_accuracy", "untrained")} == {
        key: metrics(made)[key] for key in ("accuracy", "macro_accuracy", "untrained")
    }
