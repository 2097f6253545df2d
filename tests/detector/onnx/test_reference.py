from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from diode_pl.detector.darknet.cfg import ConfigError
from diode_pl.detector.onnx.reference import require_agreement, run_model
from tests.detector.onnx.small_files import SIDES, make_model

PATH = Path("some.onnx")


def test_outputs_by_name() -> None:
    model, images = make_model(), torch.rand(1, 3, *SIDES)
    found = run_model(model, images, PATH)
    assert list(found) == [each.name for each in model.graph.output]
    expected = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"image": images.numpy()})
    for each, wanted in zip(found.values(), expected, strict=True):
        np.testing.assert_array_equal(each, wanted)


def test_what_it_cannot_run_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"^weights: some\.onnx cannot be run by onnxruntime \(.*\)$") as error:
        run_model(make_model(), torch.rand(1, 3, 32, 32), PATH)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("bad", [0.02, float("nan")])
def test_numbers_that_differ(bad: float) -> None:
    wanted = torch.tensor([10.0, 0.0])
    require_agreement([wanted + 0.005], [wanted], "asked twice", PATH)
    with pytest.raises(ConfigError, match="some.onnx is computed in another way after conversion: asked twice"):
        require_agreement([wanted + bad], [wanted], "asked twice", PATH)
