"""Classes of two data sets meet by name."""

from diode_pl.class_names import match_classes


def test_names_are_found_whatever_their_place():
    assert match_classes(["dog", "cow", "cat"], ["cat", "dog"]) == [1, -1, 0]


def test_spellings_of_one_class_are_one():
    voc = ["aeroplane", "diningtable", "motorbike", "pottedplant", "sofa", "tvmonitor"]
    coco = ["airplane", "dining table", "motorcycle", "potted plant", "couch", "TV"]
    assert match_classes(voc, coco) == match_classes(coco, voc) == [0, 1, 2, 3, 4, 5]
