import pytest
from onnx import helper

from diode_pl.detector.onnx.names import stored_names
from tests.detector.onnx.small_files import make_model


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({"character": "text\ntitle\n \nfigure caption\n"}, ["text", "title", "figure caption"]),
        ({"class_names": '["mug", "key"]'}, ["mug", "key"]),
        ({"class_names": '{"0": "mug"}'}, None),
        ({"class_names": "mug, key"}, None),
        ({"author": "a"}, None),
        ({}, None),
    ],
)
def test_names_in_metadata(about: dict[str, str], expected: list[str] | None) -> None:
    model = make_model(names=None)
    helper.set_model_props(model, about)
    assert stored_names(model) == expected
