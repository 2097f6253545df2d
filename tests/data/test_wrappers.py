import pytest
import torch

from diode_pl.data.readers import BadImage
from diode_pl.data.wrappers import NoneOnBadImage, Relabeled
from tests.data.painted import Painted, same


def test_labels_follow_the_map_and_unknown_classes_are_gone() -> None:
    source, view = Painted(6), Relabeled(Painted(6), [7, -1, 0])
    assert len(view) == 6
    for i in range(6):
        plain, seen = source[i], view[i]
        assert torch.equal(seen.image, plain.image) and (seen.size, seen.name) == (plain.size, plain.name)
        assert seen.labels.tolist() == [[7], [], [0]][i % 3]
        assert torch.equal(seen.boxes, plain.boxes if i % 3 != 1 else plain.boxes[:0])


def test_images_without_labels_need_no_map() -> None:
    view = Relabeled(Painted(2, names=()), [])
    assert len(view[1].labels) == len(view[1].boxes) == 0 and view[1].boxes.shape == (0, 4)


def test_bad_images_are_none_among_the_readable() -> None:
    source = Painted(4, bad={1, 3})
    view = NoneOnBadImage(source)
    assert [example is None for example in (view[i] for i in range(len(view)))] == [False, True, False, True]
    assert same(view[2], source[2])
    relabeled = Relabeled(Painted(4, bad={1}), [0, 1, 2])
    assert NoneOnBadImage(relabeled)[1] is None and len(NoneOnBadImage(relabeled)) == 4
    with pytest.raises(BadImage, match="image 1 is torn"):
        relabeled[1]


def test_one_bad_image_too_many_is_an_error() -> None:
    view = NoneOnBadImage(Painted(4, bad={1, 3}, max_bad=1))
    assert view[1] is None and view[1] is None
    with pytest.raises(ValueError, match="max_bad is 1"):
        view[3]
