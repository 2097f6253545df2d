import pytest
import torch

from diode_pl.detector import Outputs
from diode_pl.detector.grid import Grid, decode_distances, make_grid


def test_cells_of_two_maps_row_by_row() -> None:
    heads = (torch.zeros(1, 8, 5).bfloat16(), torch.zeros(1, 2, 5).bfloat16())
    features = (torch.zeros(1, 3, 2, 4), torch.zeros(1, 3, 1, 2))
    grid = make_grid(Outputs(heads, features, (8, 16), (16, 32)))
    assert grid.centers.dtype == torch.float32
    assert grid.centers.tolist()[:5] == [[4, 4], [12, 4], [20, 4], [28, 4], [4, 12]]
    assert grid.centers.tolist()[8:] == [[8, 8], [24, 8]] and grid.strides.flatten().tolist() == [8.0] * 8 + [16.0] * 2
    assert grid.squares(1.0)[[0, 9]].tolist() == [[0, 0, 8, 8], [16, 0, 32, 16]]
    assert grid.priors[8].tolist() == [-32, -32, 48, 48]


@pytest.mark.parametrize("bins", [1, 4])
def test_boxes_from_distances_in_cells(bins: int) -> None:
    grid = Grid(torch.tensor([[8.0, 24], [40, 40]]), torch.tensor([[16.0], [16.0]]))
    distances = torch.tensor([[[0.0, 1, 2, 3], [1, 1, 0, 0]]])
    # A distribution with all its mass on one number.
    codes = distances if bins == 1 else torch.nn.functional.one_hot(distances.long(), bins).flatten(2) * 100.0
    expected = [[8, 8, 40, 72], [24, 24, 40, 40]]
    assert decode_distances(codes, grid)[0].tolist() == expected
    if bins > 1:
        even = decode_distances(torch.zeros(1, 2, 4 * bins), grid)
        assert even[0, 0].tolist() == [8 - 24, 0, 32, 48]
