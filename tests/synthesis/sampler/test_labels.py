import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Generator

from diode_pl.provenance import REAL_LABELS
from diode_pl.synthesis.sampler import LabelPrior, Labels
from diode_pl.targets import Targets

# Most draws here meet the cow, which the teacher has not learned.
pytestmark = pytest.mark.filterwarnings("ignore:the teacher was not trained on")

NAMES = ("dog", "cat")


def content() -> dict[str, Any]:
    """Images 7, 3, 5 and 9; 3 shows nothing, 9 only what the teacher has not learned; boxes in another order."""
    return {
        "images": [
            {"id": i, "width": w, "height": h} for i, w, h in ((7, 100, 50), (3, 10, 10), (5, 40, 40), (9, 8, 8))
        ],
        "categories": [{"id": 11, "name": "cat"}, {"id": 4, "name": "cow"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"image_id": 5, "category_id": 2, "bbox": [0, 10, 20, 20], "iscrowd": 0},
            {"image_id": 7, "category_id": 11, "bbox": [10, 20, 50, 25]},
            {"image_id": 9, "category_id": 4, "bbox": [1, 1, 2, 2]},
            {"image_id": 7, "category_id": 4, "bbox": [0, 0, 5, 5]},
            {"image_id": 7, "category_id": 2, "bbox": [90, 40, 20, 20]},
            {"image_id": 5, "category_id": 11, "bbox": [0, 0, 40, 40], "iscrowd": 1},
        ],
    }


def save(folder: Path, data: Any) -> Path:
    path = folder / "labels.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


def draw(path: Path, first: int = 0, count: int = 2, names: tuple[str, ...] = NAMES) -> Targets:
    return Labels(path).sample(first, count, LabelPrior({name: i for i, name in enumerate(names)}), Generator())


def test_boxes_are_shares_of_the_image_and_classes_are_matched_by_name(tmp_path: Path) -> None:
    (boxes, labels), _ = draw(save(tmp_path, content())).per_image()
    assert [NAMES[i] for i in labels] == ["cat", "dog"]
    torch.testing.assert_close(boxes[0], torch.tensor([0.1, 0.4, 0.6, 0.9]))


def test_labels_of_learned_classes_may_have_gaps(tmp_path: Path) -> None:
    sampler = Labels(save(tmp_path, content()))
    assert sampler.sample(0, 2, LabelPrior({"dog": 5, "cat": 2}), Generator()).labels.tolist() == [2, 5, 5]


def test_boxes_are_cut_at_the_image(tmp_path: Path) -> None:
    (boxes, _), _ = draw(save(tmp_path, content())).per_image()
    torch.testing.assert_close(boxes[1], torch.tensor([0.9, 0.8, 1.0, 1.0]))


def test_crowds_and_unknown_categories_are_left_out(tmp_path: Path) -> None:
    _, (boxes, labels) = draw(save(tmp_path, content())).per_image()
    assert labels.tolist() == [0]
    torch.testing.assert_close(boxes, torch.tensor([[0.0, 0.25, 0.5, 0.75]]))


def test_images_come_in_the_files_order_and_from_the_start_again(tmp_path: Path) -> None:
    path = save(tmp_path, content())
    counts = [len(labels) for _, labels in draw(path, count=5).per_image()]
    assert counts == [2, 1, 2, 1, 2]
    assert [len(labels) for _, labels in draw(path, first=3, count=2).per_image()] == [1, 2]


def test_the_next_batch_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    path = save(tmp_path, content())
    whole = draw(path, count=6)
    parts = [draw(path, first=first, count=3) for first in (0, 3)]
    assert torch.equal(whole.boxes, torch.cat([part.boxes for part in parts]))


def test_a_result_says_that_it_saw_them(tmp_path: Path) -> None:
    assert Labels(save(tmp_path, content())).provenance == REAL_LABELS


def test_a_teacher_that_knows_none_of_the_categories_raises(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="^Labels: path: the teacher was trained on no category of .*'cat', 'cow', 'dog'"
    ):
        draw(save(tmp_path, content()), names=("bus",))


@pytest.mark.parametrize(
    "data",
    [
        "no json",
        "[]",
        {},
        content() | {"annotations": [{"image_id": 7, "bbox": [0, 0, 1, 1]}]},
        content() | {"annotations": [{"image_id": 99, "category_id": 2, "bbox": [0, 0, 1, 1]}]},
    ],
    ids=["text", "list", "empty", "no category", "no such image"],
)
def test_what_is_no_annotation_file_raises(tmp_path: Path, data: Any) -> None:
    with pytest.raises(ValueError, match="labels.json is not a COCO annotation file"):
        Labels(save(tmp_path, data))


def test_boxes_without_area_are_left_out(tmp_path: Path) -> None:
    data = content()
    data["annotations"].append({"image_id": 7, "category_id": 2, "bbox": [3, 3, 0, 5]})
    assert len(draw(save(tmp_path, data), count=1)) == 2


def test_the_user_hears_once_what_the_teacher_does_not_know(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sampler, prior = Labels(save(tmp_path, content())), LabelPrior({"dog": 0, "cat": 1})
    for first in (0, 2):
        sampler.sample(first, 2, prior, Generator())
    assert [record.getMessage() for record in caplog.records] == [
        "the teacher was not trained on cow: their boxes are ignored"
    ]


def test_a_file_that_is_not_there_raises(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="absent.json cannot be read"):
        Labels(tmp_path / "absent.json")


def test_a_file_without_a_box_raises(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^Labels: path: no image of .*labels\.json has a box"):
        draw(save(tmp_path, content() | {"annotations": []}))
