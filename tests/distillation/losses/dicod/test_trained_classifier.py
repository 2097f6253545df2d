import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional
from torchvision.models import resnet18

from diode_pl.classifier import ClassifierCard, CropClassifier, encode_classifier
from diode_pl.distillation.losses import DistillationBatch
from diode_pl.distillation.losses.dicod import DetectorAsClassifier, Dicod, TrainedClassifier
from diode_pl.provenance import EXTERNAL_CLASSIFIER, REAL_IMAGES, REAL_LABELS, Provenance
from diode_pl.targets import Targets
from tests.distillation.losses.batches import SIZE, answer, learnable, network
from tests.tiny import no_boxes

NAMES = ("cat", "dog", "cup")
TEACHER = Provenance(teacher=True)
GOOD = ClassifierCard(TEACHER, 0.95, 0.9)


def written(folder: Path, record: ClassifierCard = GOOD, **settings: Any) -> Path:
    """A file with random weights, of which the record says what it says."""
    torch.manual_seed(0)
    folder.mkdir(exist_ok=True)
    path = folder / "classifier.safetensors"
    path.write_bytes(encode_classifier(CropClassifier(**{"class_names": NAMES, "crop_size": 16} | settings), record))
    return path


def make_batch(images: Tensor) -> DistillationBatch:
    student = network()
    return DistillationBatch(images, student, None, answer(student, seed=1), None, no_boxes())


def images(side: int = 32) -> Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(3))


def test_says_of_a_box_what_the_network_says_of_its_crop(tmp_path: Path) -> None:
    teacher = TrainedClassifier(written(tmp_path))
    # Boxes of 16 x 16 pixels at whole pixels: the crop is a cut.
    corners = [(0, 8, 16), (1, 0, 0), (0, 4, 2)]
    boxes = torch.tensor([[x, y, x + 16, y + 16] for _, x, y in corners]) / 32
    index = torch.tensor([image for image, _, _ in corners])
    found = teacher.object_logits(make_batch(images()), boxes, index)
    cuts = torch.stack([images()[i, :, y : y + 16, x : x + 16] for i, x, y in corners])
    with torch.no_grad():
        torch.testing.assert_close(found, teacher.network(cuts), rtol=1e-4, atol=1e-5)
    assert found.dtype == torch.float32 and not found.requires_grad and found.shape == (3, 3)
    # Twice as large: every pixel of the crop is the mean of four.
    whole = teacher.object_logits(make_batch(images()), torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([1]))
    with torch.no_grad():
        expected = teacher.network(functional.avg_pool2d(images()[1:], 2))
    torch.testing.assert_close(whole, expected, rtol=1e-4, atol=1e-5)


def test_no_box_at_all(tmp_path: Path) -> None:
    teacher = TrainedClassifier(written(tmp_path))
    none = teacher.object_logits(make_batch(images()), torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))
    assert none.shape == (0, 3)


def test_many_boxes_are_named_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = TrainedClassifier(written(tmp_path))
    low = torch.rand(5, 2) / 2
    boxes, index = torch.cat([low, low + 0.4], dim=1), torch.tensor([1, 0, 1, 1, 0])
    whole = teacher.object_logits(make_batch(images()), boxes, index)
    monkeypatch.setattr("diode_pl.distillation.losses.dicod.trained_classifier._AT_ONCE", 2)
    torch.testing.assert_close(teacher.object_logits(make_batch(images()), boxes, index), whole, rtol=1e-4, atol=1e-5)


def test_features_are_those_of_the_layers_and_carry_gradients(tmp_path: Path) -> None:
    crops = images(16).requires_grad_()
    teacher = TrainedClassifier(written(tmp_path), layers=[0, 2])
    found = teacher.features(crops)
    for maps, expected in zip(found, teacher.network.features(crops, [0, 2]), strict=True):
        torch.testing.assert_close(maps, expected)
    found[1].sum().backward()
    assert crops.grad is not None and float(crops.grad.abs().sum()) > 0
    assert TrainedClassifier(written(tmp_path), layers=()).features(crops) == []
    assert TrainedClassifier(written(tmp_path)).features(crops.double())[0].shape == (2, 64, 4, 4)


@pytest.mark.parametrize(("kind", "said"), [("softmax", "softmax"), ("sigmoid", "sigmoid"), ("both", "sigmoid")])
def test_what_its_logits_are_for(tmp_path: Path, kind: str, said: str) -> None:
    teacher = TrainedClassifier(written(tmp_path, kind=kind))
    assert teacher.kind == said and teacher.class_names == NAMES and teacher.crop_size == 16
    assert teacher.provenance == TEACHER and teacher.accuracy == 0.9 and not teacher.needs_detector


def test_a_poor_classifier_does_not_serve_unless_told_to(tmp_path: Path) -> None:
    poor = written(tmp_path, ClassifierCard(TEACHER, 0.9, 0.42))  # what it is right in is one frequent class
    with pytest.raises(ValueError, match=r"mean over classes, is 0\.420, and min_accuracy is 0\.7") as error:
        TrainedClassifier(poor)
    assert str(error.value).endswith(" with min_accuracy=0")
    assert TrainedClassifier(poor, min_accuracy=0.4).accuracy == 0.42
    unknown = written(tmp_path, ClassifierCard(TEACHER))
    with pytest.raises(ValueError, match="is not known, and min_accuracy"):
        TrainedClassifier(unknown, min_accuracy=0.1)
    assert TrainedClassifier(unknown, min_accuracy=0.0).accuracy is None


@pytest.mark.parametrize("seen", [REAL_IMAGES | REAL_LABELS, Provenance()])
def test_other_data_need_a_word(tmp_path: Path, seen: Provenance) -> None:
    path = written(tmp_path, ClassifierCard(seen, 0.9, 0.9))
    with pytest.raises(ValueError, match=r"not made from a teacher's images.* external=True"):
        TrainedClassifier(path)
    assert TrainedClassifier(path, external=True).provenance == (seen or EXTERNAL_CLASSIFIER)
    assert TrainedClassifier(written(tmp_path), external=True).provenance == TEACHER


def test_weights_of_the_librarys_networks(tmp_path: Path, unchecked: None) -> None:
    theirs = resnet18(num_classes=3).eval()
    pickled, safe = tmp_path / "resnet.pth", tmp_path / "resnet.safetensors"
    torch.save(theirs.state_dict(), pickled)
    save_file(theirs.state_dict(), safe)
    options: dict[str, Any] = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "crop_size": 32}
    for path in (pickled, safe):
        teacher = TrainedClassifier(path, 0.0, external=True, network=CropClassifier(NAMES, **options))
        found = teacher.object_logits(make_batch(images()), torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([0]))
        mean, std = (torch.tensor(options[key]).view(3, 1, 1) for key in ("mean", "std"))
        with torch.no_grad():
            torch.testing.assert_close(found, theirs((images()[:1] - mean) / std), rtol=1e-4, atol=1e-4)
        assert teacher.provenance == EXTERNAL_CLASSIFIER and teacher.kind == "softmax"
    with pytest.raises(ValueError, match="external=True"):
        TrainedClassifier(pickled, 0.0, network=CropClassifier(NAMES))
    with pytest.raises(ValueError, match="is not known"):
        TrainedClassifier(pickled, external=True, network=CropClassifier(NAMES))
    with pytest.raises(ValueError, match="another network's weights"):
        TrainedClassifier(pickled, 0.0, external=True, network=CropClassifier(("one",)))
    with pytest.raises(ValueError, match="set network"):
        TrainedClassifier(safe)


def test_a_student_learns_from_it(tmp_path: Path) -> None:
    student = network()
    teacher = TrainedClassifier(written(tmp_path, class_names=student.class_names[:2], kind="both"), layers=[0, 1])
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    said = answer(student, seed=1)
    heads = learnable(said)
    boxes = torch.tensor([[0.1, 0.2, 0.5, 0.6], [0.3, 0.3, 0.9, 0.8]])
    targets = Targets(boxes, torch.tensor([0, 1]), torch.tensor([0, 1]), 2)
    loss = Dicod(teacher)
    loss.prepare(None, student, SIZE)
    term = loss(DistillationBatch(images(SIZE), student, None, said, None, targets))
    term.backward()
    assert float(term.detach()) > 0 and all(
        float(loss.parts[name]) > 0 for name in ("classification", "localization_features")
    )
    assert any(float(head.grad.abs().sum()) > 0 for head in heads)
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())
    assert not any(parameter.requires_grad for parameter in teacher.parameters()) and not teacher.network.training
    assert not any("network" in name for name in loss.state_dict())


def test_what_is_wrong_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match=r"^weights: .*nothing\.safetensors does not exist"):
        TrainedClassifier(tmp_path / "nothing.safetensors")
    with pytest.raises(ValueError, match=r"layers must be from 0 to 4, got \[5\]"):
        TrainedClassifier(written(tmp_path), layers=[0, 5])
    with pytest.raises(ValueError, match=r"min_accuracy must be in \[0, 1\], got 70"):
        TrainedClassifier(written(tmp_path), min_accuracy=70.0)
    caplog.set_level(logging.WARNING)
    TrainedClassifier(written(tmp_path, ClassifierCard(TEACHER, 0.9, 0.9, {}, ("cup",))))
    assert "shown no crop of these classes and does not teach them: cup" in caplog.text


def test_classes_that_were_not_measured_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    rates = {"cat": 0.9, "dog": None, "cup": None}
    TrainedClassifier(written(tmp_path, ClassifierCard(TEACHER, 0.9, 0.9, rates, ("cup",))))
    assert len(caplog.messages) == 2 and "shown no crop" in caplog.messages[0]
    assert "no crop of these classes was held out" in caplog.messages[1] and caplog.messages[1].endswith(": dog")
    caplog.clear()
    TrainedClassifier(written(tmp_path, ClassifierCard(TEACHER, 0.9, 0.9, dict.fromkeys(NAMES, 0.9))))
    assert not caplog.messages


def test_classes_without_a_crop_are_not_taught(tmp_path: Path) -> None:
    student = network()
    known, teacher = (
        written(tmp_path / "known"),
        written(tmp_path / "new", ClassifierCard(TEACHER, 0.9, 0.9, {}, ("cup",))),
    )
    assert TrainedClassifier(teacher).learned_classes() == {"cat": 0, "dog": 1}
    boxes = torch.tensor([[0.1, 0.2, 0.5, 0.6], [0.3, 0.3, 0.9, 0.8]])
    targets = Targets(boxes, torch.tensor([0, 2]), torch.tensor([0, 1]), 2)  # a cat, and a cup
    of_cups = []
    for path in (known, teacher):
        said = answer(student, seed=1)
        heads = learnable(said)
        loss = Dicod(TrainedClassifier(path), localization=0.0, form="l1_normalized")
        loss.prepare(None, student, SIZE)
        loss(DistillationBatch(images(SIZE), student, None, said, None, targets)).backward()
        assert any(bool(head.grad[0, ..., 5].any()) for head in heads)
        of_cups.append(any(bool(head.grad[..., 7].any() or head.grad[1].any()) for head in heads))
    assert of_cups == [True, False]


def test_its_accuracy_is_among_the_facts_of_the_loss(tmp_path: Path) -> None:
    loss = Dicod(TrainedClassifier(written(tmp_path, ClassifierCard(TEACHER, 0.95, 0.9, {}, ("cup",)))))
    known = {"accuracy": 0.95, "macro_accuracy": 0.9, "untrained": ["cup"], "data_access": "teacher-only"}
    assert loss.facts == {"classifier": known}
    assert Dicod(DetectorAsClassifier()).facts == {}


def test_agreement_of_a_teacher_makes_no_images_of_a_teacher(tmp_path: Path) -> None:
    path = written(tmp_path, ClassifierCard(TEACHER | REAL_IMAGES | REAL_LABELS, 0.9, 0.9, outside=True))
    with pytest.raises(ValueError, match=r"not made from a teacher's images.* external=True"):
        TrainedClassifier(path)
    assert TrainedClassifier(path, external=True).accuracy == 0.9


def test_its_accuracy_is_told_where_it_teaches(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    loss = Dicod(TrainedClassifier(written(tmp_path, kind="both")))
    assert "accuracy" not in caplog.text
    loss.prepare(None, network(), SIZE)
    assert "classifier: accuracy on held-out crops, the mean over classes, 0.900" in caplog.text
