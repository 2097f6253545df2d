import logging

import pytest

from diode_pl.distillation.losses.fkd.levels import Pair, pairs


def test_the_same_stride_belongs_together_in_any_order(caplog: pytest.LogCaptureFixture) -> None:
    assert pairs([32, 16], [16, 32]) == [Pair("stride_16", 16, 1, 0), Pair("stride_32", 32, 0, 1)]
    assert not caplog.records


def test_what_only_one_side_has_is_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert pairs([32, 16], [8, 64, 32]) == [Pair("stride_32", 32, 0, 2)]
    assert [record.getMessage() for record in caplog.records] == [
        "fkd: features of stride 16 are left out, only the student has them",
        "fkd: features of stride 8, 64 are left out, only the teacher has them",
    ]


def test_several_of_one_stride_go_in_their_order() -> None:
    found = pairs([8, 8], [8, 4, 8, 8])
    assert found == [Pair("stride_8", 8, 0, 0), Pair("stride_8_1", 8, 1, 2)]


def test_strides_can_be_chosen(caplog: pytest.LogCaptureFixture) -> None:
    assert [pair.stride for pair in pairs([8, 16, 32], [8, 16, 32, 64], [32, 8])] == [8, 32]
    assert not caplog.records
    for wrong in ([4], [8, 64], []):
        with pytest.raises(ValueError, match=r"strides must be some of \[8, 16\], which both have, got \["):
            pairs([8, 16], [8, 16, 64], wrong)


def test_without_a_shared_stride_there_is_a_way_out() -> None:
    with pytest.raises(ValueError, match=r"strides are \[8\] and the teacher's \[16, 32\].*distill=decoded"):
        pairs([8], [16, 32])
