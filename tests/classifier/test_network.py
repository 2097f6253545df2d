import pytest
import torch
from torchvision.models import resnet18
from torchvision.models.feature_extraction import create_feature_extractor

from diode_pl.classifier import CropClassifier

NAMES = ("cat", "dog", "cup")
MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.3, 0.4]


def crops(size: int = 32, count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_logits_and_layers_are_those_of_the_library() -> None:
    ours = CropClassifier(NAMES).eval()
    theirs = resnet18(num_classes=3).eval()
    theirs.load_state_dict(ours.network.state_dict())
    nodes = ["maxpool", "layer1", "layer2", "layer3", "layer4"]
    expected = create_feature_extractor(theirs, nodes)(crops())
    with torch.no_grad():
        torch.testing.assert_close(ours(crops()), theirs(crops()))
        for found, node in zip(ours.features(crops(), range(5)), nodes, strict=True):
            torch.testing.assert_close(found, expected[node])
        first, again, last = ours.features(crops(), [4, 0, 4])
    torch.testing.assert_close(first, last)
    torch.testing.assert_close(again, expected["maxpool"])


def test_layer_0_is_what_the_publication_pools() -> None:
    (stem,) = CropClassifier(NAMES).eval().features(crops(112, 1), [0])
    assert stem.shape == (1, 64, 28, 28)
    (small,) = CropClassifier(NAMES, stem_stride=2).eval().features(crops(32, 1), [0])
    assert small.shape == (1, 64, 16, 16)


def test_layers_above_the_last_one_asked_for_are_not_computed() -> None:
    classifier = CropClassifier(NAMES).eval()
    seen = []
    for number in range(1, 5):
        stage = getattr(classifier.network, f"layer{number}")
        stage.register_forward_hook(lambda *_, number=number: seen.append(number))
    classifier.features(crops(), [0])
    assert not seen
    classifier.features(crops(), [2])
    assert seen == [1, 2]
    assert classifier.features(crops(), []) == []


def test_gradients_reach_the_crops() -> None:
    classifier = CropClassifier(NAMES).eval().requires_grad_(False)
    for layer in range(5):
        images = crops().requires_grad_()
        classifier.features(images, [layer])[0].square().sum().backward()
        assert images.grad is not None and bool(images.grad.isfinite().all()) and float(images.grad.abs().sum()) > 0


def test_another_size_of_crops_is_legal() -> None:
    assert CropClassifier(NAMES).eval()(crops(48)).shape == (2, 3)


def test_crops_are_taken_as_they_are_unless_told_otherwise() -> None:
    plain, scaled = CropClassifier(NAMES).eval(), CropClassifier(NAMES, mean=MEAN, std=STD).eval()
    scaled.load_state_dict(plain.state_dict())  # the numbers are no weights
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    with torch.no_grad():
        torch.testing.assert_close(scaled(crops()), plain((crops() - mean) / std))
        torch.testing.assert_close(scaled.features(crops(), [0]), plain.features((crops() - mean) / std, [0]))


def test_settings_make_the_same_network() -> None:
    one = CropClassifier(NAMES, "resnet18", 2, "both", 32, MEAN, STD)
    other = CropClassifier(**one.settings)
    assert other.settings == one.settings and other.class_names == NAMES and other.kind == "both"
    assert one.settings["mean"] == pytest.approx(MEAN)
    other.load_state_dict(one.state_dict())
    assert CropClassifier(**CropClassifier(["a"]).settings).mean is None


def test_the_larger_backbone() -> None:
    classifier = CropClassifier(NAMES, "resnet50").eval()
    assert classifier(crops()).shape == (2, 3)
    assert classifier.features(crops(), [1])[0].shape == (2, 256, 8, 8)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"class_names": ()}, "class_names must be unique, at least one, got"),
        ({"class_names": ("a", "a")}, "class_names must be unique"),
        ({"backbone": "vgg"}, "^backbone, stem_stride and kind: .*'vgg'"),
        ({"stem_stride": 3}, "^backbone, stem_stride and kind: .*, 2 or 4, .* 3 and"),
        ({"kind": "none"}, "softmax, sigmoid or both, got .*'none'"),
        ({"crop_size": 7}, "must be >= 8 pixels"),
        ({"mean": MEAN}, "mean and std: expected both or neither"),
        ({"mean": [0.5], "std": STD}, "mean: one number for each of red"),
        ({"mean": MEAN, "std": [0.2, 0.0, 0.2]}, "std above 0"),
    ],
)
def test_bad_arguments(unchecked: None, options: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        CropClassifier(**{"class_names": NAMES} | options)


def test_no_such_layer() -> None:
    with pytest.raises(ValueError, match=r"layers 0 to 4, got \[5\]"):
        CropClassifier(NAMES).features(crops(), [0, 5])
