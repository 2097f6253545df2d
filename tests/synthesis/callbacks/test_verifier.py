"""Which images are shown to the verifier, and what counts."""

from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from diode_pl.synthesis.callbacks import Verifier
from diode_pl.synthesis.schedule import Stage
from tests.synthesis.synthesis_run import fit, inversion, sign_descent
from tests.tiny_network import tiny_network


class Steps(pl.Callback):
    """Counts them."""

    count = 0

    def on_train_batch_end(self, *_: object) -> None:
        self.count += 1


def verifier(folder: Path, smallest: int) -> Verifier:
    """That takes no image below a size, and measures at every other step."""
    detector = tiny_network(folder / "verifier", seed=1)
    detector.smallest = smallest
    return Verifier(detector, every=2)


def test_images_that_are_too_small_for_it_are_refused_before_the_first_step(tmp_path: Path) -> None:
    module, steps = inversion(tmp_path, [Stage(64, 2, sign_descent), Stage(32, 2, sign_descent)]), Steps()
    said = r"^stages\[1\]\.resolution must .* at least 64 px, for verifier, got 32 px; the nearest is 64"
    with pytest.raises(ValueError, match=said):
        fit(module, verifier(tmp_path, smallest=64), steps)
    assert steps.count == 0


def test_stages_that_are_too_small_for_it_are_not_measured(tmp_path: Path) -> None:
    module, measuring = inversion(tmp_path, [Stage(32, 4, sign_descent), Stage(64, 4, sign_descent)]), []
    callback = verifier(tmp_path, smallest=64)
    assert callback.detector is not None
    callback.detector.register_forward_hook(lambda _, images, __: measuring.append(images[0].shape[-1]))
    fit(module, callback)
    assert measuring == [64, 64, 64], "twice within the second stage, and at its end"
    assert set(module.scores) == {"teacher_map50", "verifier_map50"}


@pytest.mark.parametrize(("learned", "counted"), [({"dog": 1}, [-1, 1]), ({}, None)])
def test_what_it_never_learned_does_not_count(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, learned: dict[str, int], counted: list[int] | None
) -> None:
    callback = verifier(tmp_path, smallest=32)
    assert callback.detector is not None and callback.detector.class_names == ("cat", "dog")
    callback.detector.learned_classes = lambda: learned  # type: ignore[method-assign]
    module = inversion(tmp_path, num_images=8, batch_size=8)  # of both classes
    fit(module, callback)
    assert callback.class_map == counted
    assert ("verifier_map50" in module.scores) == (counted is not None)
    said = "is not used" if counted is None else "does not have the classes cat: its score ignores"
    assert said in caplog.text


def test_the_verifier_never_changes_the_images(tmp_path):
    with_verifier = fit(inversion(tmp_path), Verifier(tiny_network(tmp_path / "v", seed=1), every=5))
    without = fit(inversion(tmp_path))
    assert torch.equal(with_verifier.ends[0], without.ends[0])


def test_the_score_of_a_verifier_that_computes_nothing_is_an_error(tmp_path: Path) -> None:
    callback = verifier(tmp_path, smallest=32)
    assert callback.detector is not None
    callback.detector.state_dict()["layers.0.norm.running_mean"][0] = torch.nan
    with pytest.raises(ValueError, match="^verifier: its outputs are not finite, head 0"):
        fit(inversion(tmp_path), callback)


def test_a_verifier_of_few_of_the_classes_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diode_pl.synthesis.callbacks.verifier._LEAST", 0.6)
    module, callback = inversion(tmp_path), verifier(tmp_path, smallest=32)
    assert callback.detector is not None
    callback.detector.learned_classes = lambda: {"dog": 1}  # type: ignore[method-assign]
    fit(module, callback)
    assert callback.detector is None and "verifier_map50" not in module.scores
    assert "the verifier has 1 of the teacher's 2 classes and is not used" in caplog.text
