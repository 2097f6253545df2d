import torch

from diode_pl.data import Batch
from tests.data.painted import SIDE, Painted


def test_joins_examples() -> None:
    source = Painted(6, names=())
    labeled = Painted(6)
    examples = [labeled[4], source[5], labeled[0]]
    batch = Batch.from_examples(examples, seed=9)
    assert batch.images.shape == (3, 3, SIDE, SIDE) and batch.images.dtype == torch.uint8 and batch.seed == 9
    assert torch.equal(batch.images[1], examples[1].image)
    assert batch.targets.batch_size == 3 and batch.targets.image_index.tolist() == [0, 2]
    assert batch.targets.labels.tolist() == [1, 0]
    assert torch.equal(batch.targets.boxes, torch.cat([examples[0].boxes, examples[2].boxes]))
    assert batch.sizes == [(64, 36), (64, 37), (64, 32)] and batch.names == ["4.png", "5.png", "0.png"]
    assert Batch.from_examples(examples).seed is None


def test_moves_to_a_device() -> None:
    moved = Batch.from_examples([Painted(1)[0]]).to(torch.device("meta"))
    assert moved.images.device.type == moved.targets.boxes.device.type == moved.targets.valid.device.type == "meta"
    assert moved.names == ["0.png"] and moved.sizes == [(64, 32)]


def test_scaled_pixels() -> None:
    batch = Batch.from_examples([Painted(3)[2]])
    scaled = batch.to_float()
    assert scaled.images.dtype == torch.float32 and scaled.images.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal((scaled.images * 255).round().to(torch.uint8), batch.images)
    assert float(scaled.images.max()) == 1 and batch.images.dtype == torch.uint8


def test_resizes_a_whole_batch_by_its_seed() -> None:
    batches = [Batch.from_examples([Painted(1)[0]], seed).to_float().resize(32, 96, 32) for seed in range(12)]
    assert {batch.images.shape[-1] for batch in batches} == {32, 64, 96}
    assert all(batch.images.is_contiguous(memory_format=torch.channels_last) for batch in batches)
    again = Batch.from_examples([Painted(1)[0]], 5).to_float().resize(32, 96, 32)
    assert torch.equal(again.images, batches[5].images)
