"""Images that are far from the teacher's statistics."""

import pytest

from diode_pl.data.accept import BatchNormDistance


def test_an_image_is_compared_with_the_median_of_its_batch() -> None:
    judge = BatchNormDistance(2).start()
    for scale in (1.0, 30.0):
        verdicts = judge({"images": [{}] * 5, "norm_distances": [scale * value for value in (1, 1, 1, 1.99, 2.1)]})
        assert [each.image is None for each in verdicts] == [True] * 4 + [False]
    outlier = judge({"images": [{}] * 3, "norm_distances": [1.0, 1.0, 2.1]})[2].image
    assert outlier == "batch norm distance 2.1, 2.1 times that of its batch"
    assert judge({"images": [{}] * 3, "norm_distances": [1.0, 1.0, 2.0]})[2].image is None


def test_a_teacher_without_norm_layers_refuses_nothing() -> None:
    assert BatchNormDistance().start()({"images": [{}, {}]})[1].image is None
    assert BatchNormDistance().start()({"images": [{}, {}], "norm_distances": [0.0, 0.0]})[1].image is None


def test_a_factor_below_1_is_refused() -> None:
    with pytest.raises(ValueError, match="factor must be >= 1"):
        BatchNormDistance(0.5)
