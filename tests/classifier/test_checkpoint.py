import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from diode_pl.classifier import ClassifierCard, CropClassifier, encode_classifier, load_classifier
from diode_pl.provenance import PROXY_IMAGES, Provenance

RECORD = ClassifierCard(Provenance(True) | PROXY_IMAGES, 0.9, 0.8, {"cat": 0.7, "dog": None}, ("dog",))


def classifier() -> CropClassifier:
    return CropClassifier(("cat", "dog"), stem_stride=2, kind="both", crop_size=16, mean=[0.5] * 3, std=[0.2] * 3)


def rewrite(folder: Path, tensors: dict[str, float | None], texts: dict[str, str | None]) -> Path:
    """A file whose tensors begin with other numbers and whose metadata are others; None leaves out."""
    path = folder / "classifier.safetensors"
    path.write_bytes(encode_classifier(classifier(), RECORD))
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    state = load_file(path)
    for name, value in tensors.items():
        if value is None:
            del state[name]
        else:
            state.setdefault(name, torch.zeros(1)).view(-1)[0] = value
    save_file(state, path, {key: text for key, text in (metadata | texts).items() if text is not None})
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    one = classifier().to(memory_format=torch.channels_last)
    one(torch.rand(4, 3, 16, 16))  # statistics that are not those of a new network
    path = tmp_path / "classifier.safetensors"
    path.write_bytes(encode_classifier(one, RECORD))
    other, record = load_classifier(path)
    assert record == RECORD and not other.training and other.settings == one.settings
    crops = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(other(crops), one.eval()(crops))
    path.write_bytes(encode_classifier(other, ClassifierCard()))
    assert load_classifier(path)[1] == ClassifierCard()


def test_the_card_of_an_earlier_version_lists_what_was_seen(tmp_path: Path) -> None:
    path = tmp_path / "classifier.safetensors"
    path.write_bytes(encode_classifier(classifier(), RECORD))
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    card = json.loads(metadata["record"])
    assert card["data_access"] == "teacher +proxy images" and "provenance" not in card
    card["data_access"] = ["proxy images", "teacher"]
    save_file(load_file(path), path, metadata | {"record": json.dumps(card)})
    assert load_classifier(path)[1] == RECORD


def test_a_broken_classifier_is_not_written() -> None:
    one = classifier()
    one.network.fc.bias.data[0] = float("nan")
    with pytest.raises(ValueError, match=r"NaN in network\.fc\.bias"):
        encode_classifier(one, RECORD)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("network.fc.bias", float("nan"), "not finite, NaN in network.fc.bias"),
        ("network.conv1.weight", float("-inf"), "not finite, infinity in network.conv1.weight"),
        ("network.bn1.running_var", -0.5, "the negative variance -0.5 in network.bn1.running_var"),
    ],
)
def test_a_broken_classifier_is_not_read(name: str, value: float, found: str, tmp_path: Path) -> None:
    path = rewrite(tmp_path, {name: value}, {})
    with pytest.raises(ValueError, match=rf"classifier\.safetensors holds .*{found}"):
        load_classifier(path)


@pytest.mark.parametrize(
    ("tensors", "texts", "reason"),
    [
        ({"network.fc.bias": None}, {}, r"Missing key.*network\.fc\.bias"),
        ({"network.other": 1.0}, {}, r"Unexpected key.*network\.other"),
        ({}, {"record": None}, "KeyError: 'record'"),
        ({}, {"record": "{"}, "JSONDecodeError"),
        ({}, {"record": "[]"}, "TypeError"),
        ({}, {"record": "{}"}, "KeyError: 'data_access'"),
        ({}, {"settings": "{}"}, "missing .*required .*'class_names'"),
        ({}, {"settings": '{"class_names": ["cat", "dog"], "depth": 7}'}, "unexpected keyword argument 'depth'"),
        ({}, {"settings": json.dumps({"class_names": ["x" * 9999] * 2})}, "class_names must be unique"),
    ],
)
def test_what_does_not_make_a_classifier_is_one_error_of_the_file(
    tensors: dict[str, float | None], texts: dict[str, str | None], reason: str, tmp_path: Path
) -> None:
    path = rewrite(tmp_path, tensors, texts)
    with pytest.raises(
        ValueError, match=rf"classifier\.safetensors is damaged, or .* later version: .*{reason}"
    ) as error:
        load_classifier(path)
    assert len(str(error.value)) < 1000 and "\n" not in str(error.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    with pytest.raises(ValueError, match=r"file\.safetensors does not exist"):
        load_classifier(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="damaged or not a .safetensors file"):
        load_classifier(path)
    save_file({"weight": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="not written by the training of a classifier.*set network"):
        load_classifier(path)
    whole = encode_classifier(classifier(), RECORD)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="damaged"):
        load_classifier(path)
    path.write_bytes(whole)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    state = load_file(path)
    save_file(state | {"network.fc.bias": state["network.fc.bias"].to(torch.int8)}, path, metadata)
    with pytest.raises(ValueError, match="holds int8 in network.fc.bias; expected floating point"):
        load_classifier(path)
