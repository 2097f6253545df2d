"""Which batch ``batch_size=auto`` takes."""

from pathlib import Path

import pytest

from diode_pl.synthesis import batch_size
from diode_pl.synthesis.batch_size import choose_batch_size, largest_batch
from diode_pl.synthesis.module import Inversion
from diode_pl.synthesis.schedule import Stage
from diode_pl.synthesis.trainer import build_synthesis_trainer
from tests.synthesis.synthesis_run import inversion, sign_descent

TRAINER = build_synthesis_trainer({}, {}, accelerator="cpu")


def automatic(folder: Path, resolution: int = 32, num_images: int = 1000) -> Inversion:
    stages = [Stage(16, 1, sign_descent), Stage(resolution, 1, sign_descent)]
    return inversion(folder, stages, num_images=num_images, batch_size="auto")


def with_free(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(batch_size, "free_memory", lambda device: free)


def test_it_grows_with_the_memory_and_shrinks_with_the_resolution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_free(monkeypatch, 2**25)
    size = largest_batch(automatic(tmp_path), TRAINER)
    assert 10 < size < 200
    assert largest_batch(automatic(tmp_path, resolution=64), TRAINER) == pytest.approx(size / 4, rel=0.1)
    with_free(monkeypatch, 2**26)
    assert largest_batch(automatic(tmp_path), TRAINER) == pytest.approx(2 * size, rel=0.05)
    assert largest_batch(automatic(tmp_path, num_images=7), TRAINER) == 7, "never more than the set has"


def test_without_room_for_one_image_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_free(monkeypatch, 1000)
    with pytest.raises(ValueError, match=r"^batch_size: an image of 32 px takes about .* lower schedule"):
        largest_batch(automatic(tmp_path), TRAINER)


@pytest.mark.parametrize(
    ("plan", "size"),
    [('{"batch_size": 5}', 5), (None, 12), ("{", 12), ("[]", 12)],
    ids=["begun", "new", "damaged", "no plan"],
)
def test_a_set_that_is_begun_goes_on_with_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: str | None, size: int
) -> None:
    monkeypatch.setattr(batch_size, "largest_batch", lambda module, trainer: 12)
    if plan is not None:
        (tmp_path / "plan.json").write_text(plan)
    module = automatic(tmp_path)
    assert choose_batch_size(module, TRAINER, tmp_path) == size
    assert module.plan.batch_size == size and list(module.batches) == list(range(-(-1000 // size)))


def test_what_an_iteration_keeps_is_that_of_its_largest_stage(tmp_path: Path) -> None:
    module = automatic(tmp_path)
    one, two = (batch_size._bytes_kept(module, TRAINER, count) for count in (1, 2))
    pixels = 4 * 3 * 32**2
    assert pixels < two - one < 100 * pixels
