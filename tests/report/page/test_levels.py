"""Data access levels in words."""

import pytest

from diode_pl import provenance
from diode_pl.report.page.levels import explain_level


def test_every_part_that_a_level_can_have_is_put_into_words() -> None:
    parts = [value for value in vars(provenance).values() if isinstance(value, provenance.Provenance) and value.others]
    assert len(parts) >= 9
    for part in parts:
        (name,) = part.others
        assert explain_level(f"teacher +{name}") not in ("", explain_level("teacher-only"))


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("teacher-only", "Used: the weights of the teacher. Nothing else."),
        ("no teacher +real images +real labels", "Used: real images; real labels; no teacher. Nothing else."),
        ("", "It is not recorded what was used."),
    ],
)
def test_a_sentence(level: str, expected: str) -> None:
    assert explain_level(level) == expected
