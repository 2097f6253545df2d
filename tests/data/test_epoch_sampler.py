from collections import Counter
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch.utils.data import Dataset

from diode_pl.data.epoch_sampler import EpochLoader, EpochSampler, SampleKey


def epoch(number: int, **options: int | None) -> list[list[SampleKey]]:
    """What an epoch draws."""
    sampler = EpochSampler(**{"images": 10, "batch_size": 4, "steps": None, "seed": 3} | options)
    sampler.set_epoch(number)
    return list(sampler)


def indices(batches: list[list[SampleKey]]) -> list[int]:
    return [draw.index for batch in batches for draw in batch]


def test_every_image_comes_once_before_any_comes_again() -> None:
    seen = indices(epoch(0, steps=10))
    assert len(seen) == 40
    for begin in range(0, 40, 10):
        assert sorted(seen[begin : begin + 10]) == list(range(10))
    assert seen[:10] != seen[10:20] != seen[20:30]


def test_an_epoch_has_as_many_whole_batches_as_there_are_images_for() -> None:
    batches = epoch(0)
    assert len(batches) == len(EpochSampler(10, 4, None, 0)) == 2 and {len(batch) for batch in batches} == {4}
    assert max(Counter(indices(batches)).values()) == 1


def test_a_batch_larger_than_the_data_set_repeats_images_evenly() -> None:
    (batch,) = epoch(0, images=3, batch_size=8)
    assert sorted(Counter(indices([batch])).values()) == [2, 3, 3]
    assert len({draw.seed for draw in batch}) == 8  # the same image again is augmented otherwise


def test_same_seed_and_epoch_same_draws() -> None:
    assert epoch(5) == epoch(5)


def test_epochs_and_seeds_differ() -> None:
    first, others = epoch(0), [epoch(1), epoch(2), epoch(0, seed=4)]
    for other in others:
        assert indices(other) != indices(first)
        assert not {d.seed for b in other for d in b} & {d.seed for b in first for d in b}


def test_nothing_is_remembered_between_epochs() -> None:
    sampler = EpochSampler(10, 4, None, 3)
    for number in range(7):
        sampler.set_epoch(number)
        list(sampler)
    next(iter(sampler))  # an epoch that was broken off leaves nothing behind either
    sampler.set_epoch(7)
    assert list(sampler) == epoch(7)


def test_two_processes_together_see_what_one_sees() -> None:
    alone = epoch(2, steps=6)
    parts = [epoch(2, steps=6, rank=rank, world_size=2) for rank in range(2)]
    for whole, *shares in zip(alone, *parts, strict=True):
        assert [len(share) for share in shares] == [2, 2]
        assert sorted(shares[0] + shares[1], key=whole.index) == whole


def test_batch_size_must_fit_the_processes() -> None:
    with pytest.raises(ValueError, match=r"^batch_size=4 must be a multiple of the number of processes, 3"):
        EpochSampler(10, 4, None, 0, world_size=3)


@pytest.mark.parametrize("options", [{"images": 0}, {"batch_size": 0}, {"steps": 0}])
def test_bad_numbers(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be >= 1, got"):
        epoch(0, **options)


def numbers(batches: list[list[SampleKey]]) -> list[list[tuple[int, int]]]:
    return [[(draw.index, draw.seed) for draw in batch] for batch in batches]


class Echo(Dataset):
    """Hands out the draws themselves."""

    def __getitem__(self, key: SampleKey) -> tuple[int, int]:
        return key.index, key.seed

    def __len__(self) -> int:
        return 10


class Listener(pl.LightningModule):
    """Notes what a training shows to it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen: dict[int, list[list[tuple[int, int]]]] = {}

    def training_step(self, batch: list[tuple[int, int]]) -> torch.Tensor:
        self.seen.setdefault(self.current_epoch, []).append(batch)
        return self.weight.sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_trainer_draws_each_epoch_anew_and_a_resumed_one_goes_on(tmp_path, workers: int) -> None:
    def fit(folder: Path, ckpt: Path | None = None) -> dict[int, list[list[tuple[int, int]]]]:
        loader = EpochLoader(
            Echo(),
            batch_sampler=EpochSampler(10, 4, None, 3),
            collate_fn=list,
            num_workers=workers,
            persistent_workers=workers > 0,
        )
        keep = ModelCheckpoint(folder, "{epoch}", save_top_k=-1, save_on_train_epoch_end=True)
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
        trainer = pl.Trainer(accelerator="cpu", max_epochs=3, callbacks=[keep], **quiet)
        trainer.fit(module := Listener(), loader, ckpt_path=ckpt)
        return module.seen

    assert fit(tmp_path / "a") == {number: numbers(epoch(number)) for number in range(3)}
    assert fit(tmp_path / "b", tmp_path / "a" / "epoch=0.ckpt") == {number: numbers(epoch(number)) for number in (1, 2)}
