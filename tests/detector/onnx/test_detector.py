"""What the tests of all detectors (tests/detector/catalog) leave open."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from diode_pl.detector import Onnx
from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.onnx.graph import to_initializers
from tests.detector.onnx.small_files import BINS, NAMES, SIDES, make_model, need_package, small_onnx, write_model

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"assignment": "static"}, "assignment must be one of guided, center, task_aligned, got 'static'"),
        ({"twin_similarity": 2.0}, r"twin_similarity must be in \[-1, 1\], got 2"),
        ({"colors": "gbr"}, "colors must be one of rgb, bgr, got 'gbr'"),
        ({"std": (1.0, 1.0, 0.0)}, "mean and std must be 3 numbers each, std above 0"),
        ({"mean": (1.0,)}, r"got \[1.0\] and"),
        ({"weights": None}, r"weights: expected the path of an \.onnx file, got null"),
    ],
)
def test_arguments_out_of_range(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Onnx(**{"weights": "a.onnx", **given})


@pytest.mark.parametrize("colors", ["rgb", "bgr"])
def test_scores_and_boxes_are_those_of_the_file(tmp_path: Path, colors: str) -> None:
    """Decoded anew from what onnxruntime gives for normalized pixels."""
    need_package()
    path = write_model(tmp_path / "a.onnx")
    detector, images = Onnx(path, colors=colors).eval(), torch.rand(1, 3, *SIDES)
    pixels = images.numpy()[:, ::-1] if colors == "bgr" else images.numpy()
    pixels = (pixels - np.reshape(MEAN, (1, 3, 1, 1))) / np.reshape(STD, (1, 3, 1, 1))
    outputs = onnxruntime.InferenceSession(path).run(None, {"image": pixels.astype(np.float32)})
    scores, boxes, expected = np.concatenate(outputs[:2], axis=1)[0], outputs[2:], []
    for stride, rows in zip((8, 16), boxes, strict=True):
        for cell, codes in enumerate(rows[0]):
            x, y = (cell % (SIDES[1] // stride) + 0.5) * stride, (cell // (SIDES[1] // stride) + 0.5) * stride
            chances = np.exp(codes.reshape(4, BINS))
            left, top, right, bottom = (chances / chances.sum(axis=1, keepdims=True)) @ np.arange(BINS) * stride
            expected.append([x - left, y - top, x + right, y + bottom])
    found = detector.decode(detector(images))
    np.testing.assert_allclose((found.objectness[..., None] * found.classes)[0].detach(), scores, rtol=1e-3, atol=1e-5)
    scale = np.array([SIDES[1], SIDES[0]] * 2)
    np.testing.assert_allclose(found.boxes[0].detach().numpy() * scale, np.array(expected), rtol=1e-3, atol=1e-2)


def test_names_of_the_file_or_ones_own(tmp_path: Path) -> None:
    need_package()
    path = write_model(tmp_path / "a.onnx", names=None)
    with pytest.raises(ConfigError, match="names: .*a.onnx states no class names; expected the path of a file"):
        Onnx(path)
    with pytest.raises(ConfigError, match="names: expected 3, the classes of .*a.onnx, got 2"):
        Onnx(path, ["cat", "dog"])
    assert Onnx(path, ["a", "b", "c"]).class_names == ("a", "b", "c") and small_onnx(None, None).class_names == NAMES


def test_a_class_that_was_never_trained_is_left_out(tmp_path: Path) -> None:
    need_package()
    model = make_model()
    to_initializers(model.graph)
    for tensor in model.graph.initializer:
        weights = numpy_helper.to_array(tensor).copy()
        if weights.shape[:2] == (3 + 4 * BINS, 16):
            weights[2] = weights[1] * 1.1
            tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))
    onnx.save(model, tmp_path / "a.onnx")
    assert Onnx(tmp_path / "a.onnx").learned_classes() == {"cat": 0}
    assert len(Onnx(tmp_path / "a.onnx", twin_similarity=1.0).learned_classes()) == 3


def test_weights_that_are_no_numbers(tmp_path: Path) -> None:
    need_package()
    model = make_model()
    weights = numpy_helper.to_array(model.graph.initializer[0]).copy()
    weights[0] = np.nan
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, model.graph.initializer[0].name))
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(ConfigError, match="a.onnx"):
        Onnx(tmp_path / "a.onnx")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_file_of_an_export_as_docs_say_works(tmp_path: Path) -> None:
    """torch.onnx.export folds batch norm unless it is told not to."""
    need_package()

    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1, bias=False), nn.BatchNorm2d(8), nn.SiLU())
            self.second = nn.Sequential(nn.Conv2d(8, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.SiLU())
            self.scores, self.boxes = nn.Conv2d(8, 2, 1), nn.Conv2d(8, 16, 1)

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
            features = self.second(self.first(images))
            maps = self.scores(features).sigmoid(), self.boxes(features)
            return tuple(each.flatten(2).transpose(1, 2) for each in maps)

    network, images = Small().eval(), torch.rand(1, 3, 64, 64)
    kept, folded = tmp_path / "kept.onnx", tmp_path / "folded.onnx"
    options = {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False, "opset_version": 17}
    torch.onnx.export(network, (images,), kept, dynamo=False, **options)
    torch.onnx.export(network, (images,), folded, dynamo=False)
    detector = Onnx(kept, ["cat", "dog"], mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)).eval()
    assert len(detector.norm_layers()) == 2 and detector.smallest == 8
    found = detector.decode(detector(images))
    scores = (found.objectness[..., None] * found.classes).detach()
    torch.testing.assert_close(scores, network(images)[0], rtol=1e-4, atol=1e-5)
    with pytest.raises(ConfigError, match="has no BatchNormalization nodes"):
        Onnx(folded, ["cat", "dog"])
