import pytest
import torch

from diode_pl.data.epoch_sampler import SampleKey
from diode_pl.data.tiling import Fixed, Tiling, Uniform
from diode_pl.data.training_set import RelabeledSet, TrainingSet
from tests.data.painted import SIDE, Crowded, Painted, found, number_of, same

IMAGES = 10


def training_set(tiling: Tiling | None = None, mosaic: float = 0.0) -> TrainingSet:
    source = RelabeledSet(Painted(IMAGES), [0, 1, 2])
    return TrainingSet(source, SIDE, tiling or Fixed(1), mosaic)


def test_an_image_alone_is_the_image() -> None:
    images, source = training_set(), Painted(IMAGES)
    assert len(images) == IMAGES
    for i in range(IMAGES):
        assert same(images[SampleKey(i, 5)][0], source[i])


@pytest.mark.parametrize(("tiles", "mosaic"), [(1, 0.0), (4, 0.0), (1, 1.0)])
def test_what_is_for_scores_alone_is_no_training_target(tiles: int, mosaic: float) -> None:
    """A crowd of class 2, which the detector lacks, is none for scores either."""
    source = RelabeledSet(Crowded(Painted(IMAGES)), [1, 0, -1])
    assert source[0].ignored.labels.tolist() == [1] and source[0].areas.tolist() == [7]
    assert len(source[2].ignored) == len(source[2].areas) == len(source[2].labels) == 0
    images = TrainingSet(source, SIDE, Fixed(tiles), mosaic)
    for seed in range(6):
        example, _ = images[SampleKey(seed, seed)]
        assert example.ignored is None and example.areas is None
    plain = TrainingSet(RelabeledSet(Painted(IMAGES), [1, 0, -1]), SIDE, Fixed(tiles), mosaic)
    keys = [SampleKey(i, i) for i in range(4)]
    ours, theirs = images.__getitems__(keys), plain.__getitems__(keys)
    assert torch.equal(ours.images, theirs.images) and torch.equal(ours.targets.boxes, theirs.targets.boxes)
    assert not any(ours.ignored) and not ours.areas.any()


@pytest.mark.parametrize("tiles", [2, 4, 9])
def test_as_many_images_as_the_tiling_says(tiles: int) -> None:
    images = training_set(Fixed(tiles))
    for seed in range(10):
        example, _ = images[SampleKey(seed, seed)]
        assert len(example.boxes) == len(example.labels) == tiles and example.name == f"{tiles} tiles"
        assert example.image.shape == (3, SIDE, SIDE) and example.image.dtype == torch.uint8
        assert number_of(example.image) == seed
        assert (example.boxes >= 0).all() and (example.boxes <= 1).all()


def test_tiles_are_whole_images_with_their_boxes() -> None:
    example, _ = training_set(Fixed(4))[SampleKey(3, 1)]
    half = SIDE // 2
    for i, box in enumerate(example.boxes * SIDE):
        y, x = half * (i // 2), half * (i % 2)
        part = torch.zeros_like(example.image)
        part[:, y : y + half, x : x + half] = example.image[:, y : y + half, x : x + half]
        ground = int(example.image[0, y, x])
        assert ground < IMAGES and ground % 3 == example.labels[i]
        torch.testing.assert_close(found(part).float(), box, atol=1.0, rtol=0)


def test_counts_follow_the_tiling() -> None:
    images = training_set(Uniform(3))
    counts = torch.tensor([len(images[SampleKey(i % IMAGES, i)][0].boxes) for i in range(300)])
    assert torch.bincount(counts).tolist()[1:] == pytest.approx([100] * 3, abs=30)


def test_the_key_names_the_first_image_and_all_images_are_joined_to_it() -> None:
    images, others = training_set(Fixed(2)), set()
    for i in range(60):
        example, _ = images[SampleKey(i % IMAGES, i)]
        assert number_of(example.image) == i % IMAGES
        others.add(int(example.image[0, -1, -1]))
    assert others == set(range(IMAGES))


def test_mosaics_never_always_and_sometimes() -> None:
    def mosaics(probability: float) -> int:
        images = training_set(mosaic=probability)
        return sum(" + " in images[SampleKey(i % IMAGES, i)][0].name for i in range(200))

    assert mosaics(0.0) == 0 and mosaics(1.0) == 200 and mosaics(0.3) == pytest.approx(60, abs=20)


def test_a_mosaic_is_made_of_tiled_images() -> None:
    example, _ = training_set(Fixed(4), mosaic=1.0)[SampleKey(0, 0)]
    assert example.name == " + ".join(["4 tiles"] * 4) and len(example.boxes) > 4


@pytest.mark.parametrize("mosaic", [0.0, 0.5, 1.0])
def test_the_key_alone_decides(mosaic: float) -> None:
    one, other = training_set(Uniform(4), mosaic), training_set(Uniform(4), mosaic)
    keys = [SampleKey(i % IMAGES, i) for i in range(12)]
    forwards = [one[key] for key in keys]
    torch.manual_seed(99)
    backwards = [other[key] for key in reversed(keys)][::-1]
    for (a, seed), (b, again) in zip(forwards, backwards, strict=True):
        assert same(a, b) and seed == again
    assert len({seed for _, seed in forwards}) == len(keys)
    assert not same(one[SampleKey(0, 1)][0], one[SampleKey(0, 2)][0])


def test_what_follows_does_not_repeat_the_draws_of_the_image() -> None:
    """A mosaic is drawn with the first number of the key's seed; a flip later takes the first of the other seed."""
    images = training_set(mosaic=0.5)
    made, flipped = [], []
    for i in range(400):
        example, seed = images[SampleKey(i % IMAGES, i)]
        made.append(" + " in example.name)
        flipped.append(bool(torch.rand(1, generator=torch.Generator().manual_seed(seed)) < 0.5))
    together = torch.tensor(made) == torch.tensor(flipped)
    assert together.float().mean().item() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("mosaic", [-0.1, 1.1])
def test_mosaic_is_a_probability(mosaic: float) -> None:
    with pytest.raises(ValueError, match=r"mosaic must be in \[0, 1\], got"):
        training_set(mosaic=mosaic)


def test_tiled_images_without_mosaic() -> None:
    images = training_set(Fixed(4), mosaic=1.0)
    one, again, other = (images.tiled(SampleKey(3, seed)) for seed in (1, 1, 2))
    assert same(one, again) and not same(one, other)
    assert one.name == "4 tiles" and len(one.boxes) == 4 and number_of(one.image) == 3


def test_labels_follow_the_map_and_unknown_classes_are_gone() -> None:
    source, view = Painted(6), RelabeledSet(Painted(6), [7, -1, 0])
    assert len(view) == 6
    for i in range(6):
        plain, seen = source[i], view[i]
        assert torch.equal(seen.image, plain.image) and (seen.size, seen.name) == (plain.size, plain.name)
        assert seen.labels.tolist() == [[7], [], [0]][i % 3]
        assert torch.equal(seen.boxes, plain.boxes if i % 3 != 1 else plain.boxes[:0])


def test_images_without_labels_need_no_map() -> None:
    view = RelabeledSet(Painted(2, names=()), [])
    assert len(view[1].labels) == len(view[1].boxes) == 0 and view[1].boxes.shape == (0, 4)
