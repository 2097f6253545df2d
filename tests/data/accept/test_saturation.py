"""Colors at the ends of their range."""

import pytest

from diode_pl.data.accept import Saturation


def test_more_than_the_share_is_refused() -> None:
    verdicts = Saturation(0.25).start()({"images": [{}, {}], "saturation": [0.25, 0.2501]})
    assert [each.image is None for each in verdicts] == [True, False]


def test_records_of_earlier_versions_are_accepted() -> None:
    assert Saturation(0.0).start()({"images": [{}]})[0].image is None


def test_a_share_is_at_most_1() -> None:
    with pytest.raises(ValueError, match="most must be in"):
        Saturation(1.5)
