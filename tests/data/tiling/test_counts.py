import json
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch import Generator, Tensor

from diode_pl.data.tiling import Fixed, FromDataset, FullGrids, Geometric, Tiling, Uniform

CONF = Path(__file__).resolve().parents[3] / "conf"
COUNT = 4000


def drawn(tiling: Tiling, seed: int = 0) -> Tensor:
    generator = Generator().manual_seed(seed)
    return torch.tensor([tiling.draw(generator) for _ in range(COUNT)])


def assert_drawn_from(counts: Tensor, expected: dict[int, float]) -> None:
    """Chi-square test at p = 0.001, bins joined from the right until each expects 10 or more."""
    assert set(counts.tolist()) <= set(expected)
    bins, seen, wanted = [], 0.0, 0.0
    for value in sorted(expected, reverse=True):
        seen, wanted = seen + float((counts == value).sum()), wanted + COUNT * expected[value]
        if wanted >= 10:
            bins.append((seen, wanted))
            seen, wanted = 0.0, 0.0
    freedom = len(bins) - 1
    limit = freedom * (1 - 2 / (9 * freedom) + 3.09 * (2 / (9 * freedom)) ** 0.5) ** 3  # Wilson and Hilferty
    assert sum((a - b) ** 2 / b for a, b in bins) < limit


def annotations(folder: Path, counts: list[int]) -> Path:
    """A COCO file whose images have these numbers of boxes."""
    boxes = [
        {"image_id": i, "category_id": 1, "bbox": [1, 1, 5, 5]} for i, count in enumerate(counts) for _ in range(count)
    ]
    images = [{"id": i, "width": 10, "height": 10} for i in range(len(counts))]
    path = folder / "counts.json"
    path.write_text(json.dumps({"images": images, "categories": [{"id": 1, "name": "a"}], "annotations": boxes}))
    return path


@pytest.mark.parametrize("tiles", [1, 7, 25])
def test_fixed_is_always_the_same(tiles: int) -> None:
    assert set(drawn(Fixed(tiles)).tolist()) == {tiles}


@pytest.mark.parametrize("most", [6, 25])
def test_uniform(most: int) -> None:
    assert_drawn_from(drawn(Uniform(most)), {n: 1 / most for n in range(1, most + 1)})


def test_full_grids_are_squares_equally_often() -> None:
    assert_drawn_from(drawn(FullGrids()), {n: 0.2 for n in (1, 4, 9, 16, 25)})
    assert set(drawn(FullGrids(2)).tolist()) == {1, 4}


@pytest.mark.parametrize("mean", [2.4, 7.3])
def test_geometric_falls_by_the_same_factor(mean: float) -> None:
    fall = 1 - 1 / mean
    expected = {n: fall ** (n - 1) / mean for n in range(1, 25)} | {25: fall**24}
    counts = drawn(Geometric(mean))
    assert_drawn_from(counts, expected)
    limited = sum(n * p for n, p in expected.items())
    assert sum(expected.values()) == pytest.approx(1) and mean - 0.2 < limited <= mean
    assert counts.double().mean() == pytest.approx(limited, rel=0.06)


def test_geometric_with_mean_one_is_one() -> None:
    assert set(drawn(Geometric(1.0)).tolist()) == {1}


def test_from_dataset_has_its_histogram(tmp_path: Path) -> None:
    path = annotations(tmp_path, [0, 0, 0, 1, 2, 2, 2, 30, 26, 25])
    assert_drawn_from(drawn(FromDataset(path)), {1: 1 / 7, 2: 3 / 7, 25: 3 / 7})
    assert FromDataset(path).provenance and not Geometric(2.0).provenance


@pytest.mark.parametrize("tiling", [Fixed(3), Uniform(), FullGrids(), Geometric(7.3), Geometric(2.4)])
def test_within_1_to_25_and_same_seed_same_draw(tiling: Tiling) -> None:
    counts = drawn(tiling)
    assert counts.min() >= 1 and counts.max() <= 25
    assert torch.equal(counts, drawn(tiling))
    assert len(counts.unique()) == 1 or not torch.equal(counts, drawn(tiling, seed=1))


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "tiling").glob("*.yaml")))
def test_every_yaml_builds(name: str, tmp_path: Path) -> None:
    path = [f"tiling.path={annotations(tmp_path, [1, 2])}"] if name == "from_dataset" else []
    with initialize_config_dir(str(CONF), version_base="1.3"):
        tiling = instantiate(compose(None, [f"+tiling={name}", *path]).tiling)
    assert isinstance(tiling, Tiling) and 1 <= tiling.draw(Generator()) <= 25
    assert name != "none" or set(drawn(tiling).tolist()) == {1}


@pytest.mark.parametrize("tiles", [0, -1, 26])
def test_a_number_out_of_range_raises(tiles: int) -> None:
    for tiling in (Fixed, Uniform, FullGrids):
        with pytest.raises(ValueError, match=f"^(tiles|most|most_side) must be .*got {tiles}"):
            tiling(tiles)


@pytest.mark.parametrize("mean", [0.9, -1.0, float("inf"), float("nan")])
def test_a_bad_mean_raises(mean: float) -> None:
    with pytest.raises(ValueError, match="^mean must"):
        Geometric(mean)


@pytest.mark.parametrize("weights", [[], [1.0] * 26, [1.0, -0.5], [0.0, 0.0], [float("nan")], [float("inf")]])
def test_weights_that_are_no_distribution_raise(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        Tiling(torch.tensor(weights))


def test_a_data_set_without_boxes_raises(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has a box"):
        FromDataset(annotations(tmp_path, [0, 0]))
    with pytest.raises(ValueError, match="cannot be read"):
        FromDataset(tmp_path / "missing.json")
