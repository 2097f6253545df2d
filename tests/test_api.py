"""The Python API: its example runs, and its defaults are those of the command line."""

import doctest
import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from pytorch_lightning.callbacks import WeightAveraging
from safetensors.torch import save_file

import diode_pl
from diode_pl.cli.conf import CONF
from diode_pl.detector.loading import SHAPES
from diode_pl.distillation.module import Distillation
from diode_pl.report import save_weights
from diode_pl.synthesis.module import Inversion
from tests.tiny_network import NAMES, tiny_network
from tests.training_run import shapes


def test_the_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diode_pl.distillation.report.export_onnx", lambda *_: 0.0)  # takes longer than all the rest
    found = doctest.testmod(diode_pl)
    assert found.attempted > 5 and not found.failed


def test_the_embedded_detector_is_that_of_the_command_line() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("synthesize", ["detector@teacher=yolov3_tiny_shapes"])
    expected, found = instantiate(config.teacher, _convert_="object"), diode_pl.load_detector(weights="embedded")
    assert found.fingerprint() == expected.fingerprint() and found.class_names == expected.class_names
    assert found.yolo_loss == expected.yolo_loss
    heads = [[layer.anchors for layer in net.layers if hasattr(layer, "anchors")] for net in (found, expected)]
    assert len(heads[0]) == 3 and all(torch.equal(one, other) for one, other in zip(*heads, strict=True))


def test_embedded_weights_are_not_those_of_another_network(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'^weights="embedded" .* cfg=.*net.cfg: omit cfg, or set weights to a path'):
        diode_pl.load_detector(tmp_path / "net.cfg", "embedded")


def test_a_weights_file_is_enough(tmp_path: Path) -> None:
    detector, path = tiny_network(tmp_path), tmp_path / "student.safetensors"
    save_weights(detector, path)
    for names in (None, NAMES):
        found = diode_pl.load_detector(weights=path, class_names=names)
        assert found.fingerprint() == detector.fingerprint() and found.class_names == tuple(NAMES)
    with pytest.raises(ValueError, match="^names: .*expected the names of the weights"):
        diode_pl.load_detector(weights=path, class_names=NAMES[::-1])


def test_weights_that_state_no_architecture_are_those_of_the_network_that_is_built(tmp_path: Path) -> None:
    detector = diode_pl.load_detector(width=0.1)
    save_file(detector.state_dict(), tmp_path / "state.safetensors")
    found = diode_pl.load_detector(weights=tmp_path / "state.safetensors", width=0.1)
    assert found.fingerprint() == detector.fingerprint() and found.class_names == SHAPES


def test_about_ten_names_and_no_others() -> None:
    assert 8 <= len(diode_pl.__all__) <= 12
    assert all(inspect.getdoc(getattr(diode_pl, name)) for name in diode_pl.__all__)
    with pytest.raises(AttributeError, match="diode_pl attribute synthesise"):
        _ = diode_pl.synthesise


@pytest.mark.parametrize("module", ["data.synthetic", "provenance", "io.images"])
def test_what_reads_finished_images_does_not_import_what_makes_them(module: str) -> None:
    heavy = "{'torchvision', 'pytorch_lightning', 'torchmetrics', 'onnx', 'wandb', 'hydra'}"
    program = f"import sys, diode_pl.{module}; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()", "they take seconds, and as much memory as torch"


def settings(value: Any) -> Any:
    """Plain values of an object and of what it holds, for a comparison of two."""
    if isinstance(value, list | tuple):
        return [settings(each) for each in value]
    if isinstance(value, dict):
        return {key: settings(each) for key, each in value.items()}
    if isinstance(value, type) or hasattr(value, "func"):  # a class or a partial, with the defaults of its signature
        function, keywords = getattr(value, "func", value), getattr(value, "keywords", {})
        defaults = {name: each.default for name, each in inspect.signature(function).parameters.items()}
        return (function, settings({name: each for name, each in (defaults | keywords).items() if name != "params"}))
    if type(value).__module__.startswith("diode_pl."):
        return (type(value), settings({key: each for key, each in vars(value).items() if key[0] != "_"}))
    return value


def test_images_are_made_with_the_defaults_of_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, rules = list[Inversion](), list[object]()

    def keep(inversion: Inversion, *_: object, accept: object) -> None:
        made.append(inversion)
        rules.append(accept)

    monkeypatch.setattr("diode_pl.synthesis.images.synthesize", keep)
    monkeypatch.setattr("diode_pl.synthesis.images.Synthetic", lambda *_: shapes("train", 2))
    diode_pl.synthesize_images(diode_pl.load_detector(weights="embedded"), tmp_path)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("synthesize")
    expected, judged = (instantiate(each, _convert_="object") for each in (config.inversion, config.accept))
    assert settings(rules[0]) == settings(judged)
    assert made[0].teacher.fingerprint() == expected.teacher.fingerprint()
    for name in ("sampler", "stages", "initializer", "plan", "seed", "budget"):
        assert settings(getattr(made[0], name)) == settings(getattr(expected, name)), name
    assert settings(made[0].image_loss.augmentations) == settings(expected.image_loss.augmentations)
    assert settings(made[0].objective.weighting) == settings(expected.objective.weighting)
    active = {name: loss for name, loss in expected.objective.losses.items() if loss.weight}
    assert settings(made[0].objective.losses) == settings(active)


def test_students_are_trained_as_quick_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, trainers = list[Distillation](), list[pl.Trainer]()

    def keep(module: Distillation, trainer: pl.Trainer, *_: object) -> None:
        made.append(module)
        trainers.append(trainer)

    monkeypatch.setattr("diode_pl.distillation.student.distill", keep)
    teacher = diode_pl.load_detector(weights="embedded")
    diode_pl.distill_student(diode_pl.load_detector(), teacher, shapes("train", 8), tmp_path)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", ["+experiment=train/quick", "data@train=shapes", "train.size=8", "data@val=none"])
    expected = instantiate(config.distillation, _convert_="object")
    assert settings(made[0].recipe) == settings(expected.recipe)
    for name in ("augmentations", "mosaic", "batch_size", "steps_per_epoch", "seed"):
        assert settings(getattr(made[0].data, name)) == settings(getattr(expected.data, name)), name
    assert set(made[0].objective.terms) == set(expected.objective.terms) == {"decoded", "block"}
    assert any(isinstance(callback, WeightAveraging) for callback in trainers[0].callbacks)
    decay = inspect.signature(diode_pl.distill_student).parameters["ema_decay"].default
    assert decay == config.callbacks.ema.multi_avg_fn.decay


def test_its_import_starts_no_thread() -> None:
    """A process that has one cannot be forked without harm."""
    lines = "import os, diode_pl.cli, diode_pl.detector, diode_pl.report, diode_pl.synthesis, diode_pl.data.readers"
    code = f"{lines}; print(len(os.listdir('/proc/self/task')))"
    root, environment = Path(__file__).resolve().parents[1], os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root, env=environment
    )
    assert run.stdout.split() == ["1"]
