import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from diode_pl.detector import Darknet, Detector, Outputs, yolov3_tiny
from diode_pl.detector.darknet.layers import Convolution
from diode_pl.report import export_onnx
from tests.command_line import ENVIRONMENT, ROOT
from tests.detector.darknet.small_network import NAMES, write_network
from tests.detector.torchvision.small_networks import faster_rcnn

REAL = ["mobilenetv2-yolov3-nano-coco/MobileNetV2-YOLOv3-Nano-coco", "yolo-fastest-1.1-coco/yolo-fastest-1.1"]
CLASSES = ["cat", "dog", "käse"]


def student() -> Darknet:
    """The same random weights each time, with heads that have opinions."""
    torch.manual_seed(1)
    detector = Darknet(yolov3_tiny(classes=3, width=0.25), None, CLASSES)
    for layer in detector.layers:
        if isinstance(layer, Convolution) and layer.norm is None:
            nn.init.normal_(layer.conv.weight, std=0.1)
            nn.init.zeros_(layer.conv.bias)
    return detector


@dataclass
class Exported:
    """A file, the detector that it was made from, and what was found before."""

    detector: Darknet
    path: Path
    difference: float
    random: tuple[Tensor, Tensor]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """As at the end of a training: in training mode, channels last, called from within a validation loop."""
    path = tmp_path_factory.mktemp("onnx") / "new" / "student.onnx"
    detector = student().to(memory_format=torch.channels_last)
    detector.layers[2].eval()
    random = torch.get_rng_state()
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        difference = export_onnx(detector, path, 64)
    return Exported(detector, path, difference, (random, torch.get_rng_state()))


def run(path: Path, images: Tensor) -> list[Tensor]:
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return [torch.from_numpy(value) for value in session.run(["boxes", "scores"], {"images": images.numpy()})]


@pytest.mark.parametrize("count", [1, 5])
def test_boxes_and_scores_are_the_detectors_for_any_number_of_images(exported: Exported, count: int) -> None:
    images, detector = torch.rand(count, 3, 64, 64), student().eval()
    boxes, scores = run(exported.path, images)
    with torch.no_grad():
        dense = detector.decode(detector(images))
    candidates = 3 * (2 * 2 + 4 * 4)
    assert boxes.shape == (count, candidates, 4) and scores.shape == (count, candidates, 3)
    torch.testing.assert_close(boxes, dense.boxes, rtol=0, atol=1e-4)
    torch.testing.assert_close(scores, dense.objectness[..., None] * dense.classes, rtol=0, atol=1e-4)
    assert scores.std() > 0.02 and boxes.std() > 0.05


def test_the_file_says_what_it_holds_and_not_where_it_was_made(exported: Exported) -> None:
    model = onnx.load(exported.path)
    onnx.checker.check_model(model, full_check=True)
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(about.pop("class_names")) == CLASSES
    assert about == {
        "stride": "32",
        "resolution": "64",
        "dynamic": "false",
        "nms": "null",
        "input": "float32 n x 3 x height x width, the picture stretched to that size",
        "channel_order": "RGB",
        "value_range": "[0, 1]",
        "box_format": "x1, y1, x2, y2 in units of image width and height",
    }
    shapes = [[d.dim_param or d.dim_value for d in i.type.tensor_type.shape.dim] for i in model.graph.input]
    assert shapes == [["n", 3, 64, 64]]
    assert [value.name for value in (*model.graph.input, *model.graph.output)] == ["images", "boxes", "scores"]
    content = exported.path.read_bytes()
    assert str(Path(__file__).parents[2]).encode() not in content and b"darknet.py" not in content


def test_the_detector_stays_as_it_is(exported: Exported) -> None:
    detector = exported.detector
    assert [name for name, module in detector.layers.named_children() if not module.training] == ["2"]
    assert detector.layers[2].conv.weight.is_contiguous(memory_format=torch.channels_last)
    assert all(p.requires_grad for p in detector.parameters())
    assert detector.fingerprint() == student().fingerprint()


def test_nothing_else_is_left_and_no_random_number_is_drawn(exported: Exported) -> None:
    assert list(exported.path.parent.iterdir()) == [exported.path]
    assert torch.equal(*exported.random)
    assert 0 < exported.difference < 1e-5


@pytest.mark.slow
def test_most_kinds_of_layers(tmp_path: Path) -> None:
    difference = export_onnx(Darknet(*write_network(tmp_path), NAMES), tmp_path / "a.onnx", 64)
    assert difference < 5e-5  # torch itself is 1.2e-5 from float64


@pytest.mark.slow
@pytest.mark.parametrize("stem", REAL)
def test_real_weights(shared_data: Path, tmp_path: Path, stem: str) -> None:
    file = shared_data / "weights" / stem
    detector = Darknet(f"{file}.cfg", f"{file}.weights", file.with_name("coco.names"))
    assert export_onnx(detector, tmp_path / "a.onnx", 320) < 1e-5


class Means(Detector):
    """One box an image from its mean colors; subclasses do it wrongly."""

    def __init__(self) -> None:
        super().__init__(["a", "b"], stride=1)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, images: Any) -> Outputs:
        means = self.norm(images).mean(dim=(2, 3))
        return Outputs((means,), (images,), (1,), (1, 1))

    def decode(self, outputs: Outputs) -> Any:
        means = outputs.heads[0][:, None]
        found = {"objectness": means[..., 0], "classes": means[..., 1:], "queries": False}
        return SimpleNamespace(boxes=means[..., [0, 1, 2, 0]], **found)

    loss = predict = norm_layers = backbone_norm_layers = None  # type: ignore[assignment]


class Unfaithful(Means):
    """Computes something else when it is traced."""

    def decode(self, outputs: Outputs) -> Any:
        found = super().decode(outputs)
        found.boxes = found.boxes + 2e-4 * torch.compiler.is_compiling()
        return found


class Wide(Means):
    """Its box is a thousand images wide, and a little off, within what float32 can tell, when it is traced."""

    def decode(self, outputs: Outputs) -> Any:
        found = super().decode(outputs)
        found.boxes = found.boxes + 1000 + 0.05 * torch.compiler.is_compiling()
        return found


class Tied(Means):
    """Works on two images only."""

    def decode(self, outputs: Outputs) -> Any:
        found = super().decode(outputs)
        found.boxes = found.boxes.view(2, 1, 4)
        return found


def test_what_differs_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(b"older")
    with pytest.raises(ValueError, match=r"a.onnx was not written: .* by 2.0e-04, more than 1e-04"):
        export_onnx(Unfaithful(), path, 8)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"older"]


def test_not_a_number_is_no_agreement(tmp_path: Path) -> None:
    detector = Means()
    nn.init.constant_(detector.norm.weight, float("nan"))
    with pytest.raises(ValueError, match="differ from PyTorch's by nan"):
        export_onnx(detector, tmp_path / "a.onnx", 8)
    assert not list(tmp_path.iterdir())


def test_boxes_beyond_the_image_are_compared_in_proportion(tmp_path: Path) -> None:
    assert export_onnx(Wide(), tmp_path / "a.onnx", 8) == pytest.approx(5e-5, rel=0.05)


def test_a_detector_of_one_batch_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="depends on the number of images"):
        export_onnx(Tied(), tmp_path / "a.onnx", 8)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("resolution", [48, 0, -64])
def test_resolution_must_suit_the_detector(tmp_path: Path, resolution: int) -> None:
    with pytest.raises(
        ValueError, match=f"resolution must be a multiple of 32 px, .* for detector, got {resolution} px"
    ):
        export_onnx(student(), tmp_path / "a.onnx", resolution)


def test_resolution_must_not_be_below_what_the_detector_takes(tmp_path: Path) -> None:
    detector = student()
    detector.smallest = 96
    with pytest.raises(ValueError, match="a multiple of 32 px, at least 96 px, for detector, got 64 px"):
        export_onnx(detector, tmp_path / "a.onnx", 64)


def test_a_detector_of_two_stages_is_refused_before_it_is_traced(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two stages varies per image.*student.safetensors"):
        export_onnx(faster_rcnn(), tmp_path / "student.onnx", 64)
    assert not list(tmp_path.iterdir())


EXPORT = """
import sys
from diode_pl.report import Suppression, export_onnx
from tests.detector.detectors import small
print(export_onnx(small(sys.argv[1]), sys.argv[2], 64, True, Suppression(), {"made": "here"}))
"""


def export_any_size(name: str, path: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own: the type checks of a test run cannot be traced with sizes that vary."""
    command = [sys.executable, "-c", EXPORT, name, str(path)]
    return subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["darknet", "retinanet", "fcos", "ssdlite"])
def test_any_size_with_suppression_inside(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    run = export_any_size(name, path)
    assert run.returncode == 0, run.stderr
    assert float(run.stdout.splitlines()[-1]) < 1e-4
    about = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert (about["made"], about["dynamic"], about["resolution"]) == ("here", "true", "64")
    assert json.loads(about["nms"]) == {"confidence": 0.25, "iou": 0.45, "max_detections": 100}
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    for height, width in ((64, 64), (128, 192)):
        images = {"images": torch.rand(2, 3, height, width).numpy(), "confidence": torch.zeros(1).numpy()}
        assert len(session.run(["scores"], images)[0]) > 0


@pytest.mark.slow
def test_boxes_in_steps_that_end_at_a_size_hold_for_one_resolution(tmp_path: Path) -> None:
    run = export_any_size("ssd", tmp_path / "a.onnx")
    assert run.returncode and "dynamic=false exports it for one resolution" in run.stderr
    assert not list(tmp_path.iterdir())


class Square(Means):
    """Computes something else for large images."""

    def decode(self, outputs: Outputs) -> Any:
        found = super().decode(outputs)
        found.boxes = found.boxes * (1 if outputs.features[0].shape[2] < 9 else 2)
        return found


def test_what_does_not_hold_for_any_size_says_how_to_export_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="dynamic=false exports it for one resolution"):
        export_onnx(Square(), tmp_path / "a.onnx", 8, dynamic=True)
    assert not list(tmp_path.iterdir())


def test_what_the_exporter_cannot_write_is_said_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = "Failed to convert. \x1b[96mThis is step 3/3\x1b[0m\n- Create an error report\n"
    for more, reason in (
        ("No ONNX function found for <OpOverload(op='aten.x', overload='default')>. Failure", "No ONNX .*'aten.x'.*>$"),
        ("", "Failed to convert. This is step 3/3$"),
    ):

        def refuse(*_: Any, text: str = told + more, **__: Any) -> None:
            raise torch.onnx.errors.OnnxExporterError(text)

        monkeypatch.setattr(torch.onnx, "export", refuse)
        with pytest.raises(ValueError, match=f"PyTorch's exporter cannot write this detector: {reason}"):
            export_onnx(student(), tmp_path / "a.onnx", 64)
    assert not (tmp_path / "a.onnx").exists()


def test_queries_are_compared_in_any_order_but_one_to_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    detector, decode, own = student(), Darknet.decode, onnxruntime.InferenceSession.run
    # The same file both times; to write it takes longest.
    export, written = torch.onnx.export, list[Any]()

    def export_once(*given: Any, **options: Any) -> Any:
        written.extend([] if written else [export(*given, **options)])
        return written[0]

    monkeypatch.setattr(torch.onnx, "export", export_once)
    monkeypatch.setattr(Darknet, "decode", lambda *given: replace(decode(*given), queries=True))

    def turned(session: Any, *given: Any) -> list[Any]:
        return [rows[:, ::-1].copy() for rows in own(session, *given)]

    def repeated(session: Any, *given: Any) -> list[Any]:
        return [rows[:, :1].repeat(rows.shape[1], axis=1) for rows in own(session, *given)]

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", turned)
    assert export_onnx(detector, tmp_path / "a.onnx", 64) < 1e-4
    monkeypatch.setattr(onnxruntime.InferenceSession, "run", repeated)
    with pytest.raises(ValueError, match="differ from PyTorch's"):
        export_onnx(detector, tmp_path / "b.onnx", 64)
