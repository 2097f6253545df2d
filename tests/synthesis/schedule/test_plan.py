"""Batches as items of work."""

import pytest

from diode_pl.synthesis.schedule import Plan


def test_the_last_batch_takes_what_is_left():
    plan = Plan(num_images=7, batch_size=3)
    assert plan.num_batches == 3
    assert [plan.images_in(batch) for batch in range(3)] == [3, 3, 1]
    assert [plan.first_image(batch) for batch in range(3)] == [0, 3, 6]


def test_ranks_share_what_is_to_do_without_overlap():
    plan = Plan(20, 2, todo=[1, 2, 5, 6, 9])
    shares = [plan.share(rank, 3) for rank in range(3)]
    assert sorted(sum(shares, [])) == [1, 2, 5, 6, 9]


def test_a_ranks_share_does_not_depend_on_what_others_have_finished():
    whole, later = Plan(20, 2), Plan(20, 2, todo=[0, 3, 4, 7])
    assert set(later.share(1, 2)) == set(whole.share(1, 2)) & {0, 3, 4, 7}


def test_all_is_to_do_unless_something_else_is_said():
    assert Plan(4, 2).todo == [0, 1] and Plan(4, 2, todo=[]).todo == []


@pytest.mark.parametrize(("images", "size"), [(0, 1), (1, 0)])
def test_numbers_below_one_are_refused(images, size):
    with pytest.raises(ValueError, match="must be an integer >= 1, got 0"):
        Plan(images, size)
