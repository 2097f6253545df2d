import torch

from diode_pl.data.wrappers import Relabeled
from tests.data.painted import Painted


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
