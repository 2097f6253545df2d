"""Batches as items of work."""

import pytest

from diode_pl.data.synthetic import Plan, Shard


def test_the_last_batch_takes_what_is_left():
    plan = Plan(num_images=7, batch_size=3)
    assert plan.num_batches == 3
    assert [plan.images_in(batch) for batch in range(3)] == [3, 3, 1]
    assert [plan.first_image(batch) for batch in range(3)] == [0, 3, 6]


def test_shards_share_without_overlap_whatever_is_left_to_do():
    parts = [list(Shard(index, 3).select([1, 2, 5, 6, 9])) for index in range(3)]
    assert parts == [[6, 9], [1], [2, 5]]
    assert list(Shard().select(range(4))) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("index", "count", "said"), [(0, 0, "count must"), (3, 3, "index must"), (-1, 3, "index must")]
)
def test_a_shard_is_one_of_those_that_there_are(index, count, said):
    with pytest.raises(ValueError, match=said):
        Shard(index, count)


@pytest.mark.parametrize(("images", "size"), [(0, 1), (1, 0)])
def test_numbers_below_one_are_refused(images, size):
    with pytest.raises(ValueError, match="must be an integer >= 1, got 0"):
        Plan(images, size)
