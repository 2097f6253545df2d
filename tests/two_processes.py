"""One training step on a whole batch, and the same step shared by two processes."""

import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torch.multiprocessing import spawn

from diode_pl.detector import Detector, convert_sync_batch_norm, record_inputs
from diode_pl.detector.sync_batch_norm import SynchronizedBatchNorm
from diode_pl.distillation.losses import (
    FKD,
    BlockFeatures,
    Decoded,
    Detection,
    Dicod,
    DistillationBatch,
    DistillLoss,
    ObjectnessScaled,
)
from diode_pl.distillation.losses.dicod import DetectorAsClassifier
from diode_pl.distillation.losses.fkd import Method
from diode_pl.distillation.losses.fkd.non_local import NonLocal
from diode_pl.numerics.distributed import reduce_mean, reduce_sum_per_process
from diode_pl.targets import Targets
from tests.detector import detectors
from tests.distillation.losses import batches
from tests.distillation.losses.batches import network

IMAGES = 6
# All boxes of a share on one process, the other has none: what is divided by a number of boxes differs most.
BOXES = (3, 0, 2, 0, 0, 0)
SUMS = ((3.0, 5.0), (0.25, 0.5), (0.0, 0.0), (0.0, 7.0))  # of the first and of the second process


class Regression(BlockFeatures):
    """As between unlike detectors."""

    def prepare(self, teacher: Detector | None, student: Detector, resolution: int) -> None:
        super().prepare(teacher, student, resolution)
        self.direct = False


LOSSES: dict[str, Callable[[], DistillLoss]] = {
    "block": BlockFeatures,
    "regression": Regression,
    "detection": Detection,
    "decoded": Decoded,
    "dicod": lambda: Dicod(DetectorAsClassifier(crop_size=16), max_crops=None),
    "fkd": lambda: FKD(method=Method(reduction="per_image"), balance=1.0),
    "objectness_scaled": ObjectnessScaled,
}
# Of torchvision's families, on labels: whatever they divide by a number of boxes, proposals or images.
FAMILIES = ("retinanet", "fcos", "ssd_bn", "faster_rcnn", "faster_rcnn_bn")
DTYPES = {"float64": torch.float64, "float32": torch.float32}


def step(loss_name: str, dtype: torch.dtype, share: range, shared: bool) -> dict[str, Tensor]:
    """Loss, gradients and running statistics after two steps of one of ``LOSSES`` on some images of the batch."""
    teacher = network(seed=1).to(dtype)
    teacher.freeze()
    return _steps(LOSSES[loss_name](), network(seed=0).to(dtype), teacher, batches.SIZE, share, shared)


def family_step(name: str, share: range, shared: bool) -> dict[str, Tensor]:
    """As :func:`step`, of one of ``FAMILIES`` on labels, in float64."""
    return _steps(Detection(), detectors.small(name).double(), None, detectors.SIZE, share, shared)


def _steps(
    loss: DistillLoss, student: Detector, teacher: Detector | None, size: int, share: range, shared: bool
) -> dict[str, Tensor]:
    dtype = next(student.parameters()).dtype
    draw = torch.Generator().manual_seed(0)
    images = torch.rand(IMAGES, 3, size, size, generator=draw) * torch.linspace(0.2, 2, IMAGES)[:, None, None, None]
    corner = torch.rand(sum(BOXES), 2, generator=draw) * 0.5
    boxes = torch.cat([corner, corner + 0.1 + torch.rand(sum(BOXES), 2, generator=draw) * 0.4], dim=1)
    at = torch.tensor([image for image, count in enumerate(BOXES) for _ in range(count)])
    own = (at >= share.start) & (at < share.stop)
    targets = Targets(boxes[own], torch.arange(sum(BOXES))[own] % 3, at[own] - share.start, len(share))
    images = images[share.start : share.stop].to(dtype)
    loss.prepare(teacher, student.train(), size)
    for module in loss.modules():
        if isinstance(module, NonLocal):
            torch.nn.init.constant_(module.norm.weight, 0.5)  # as after some steps: its statistics matter
    together = torch.nn.ModuleDict({"student": student, "term": loss})
    if shared:
        convert_sync_batch_norm(together)
    for _ in range(2):  # the second step sees what the first has left in the buffers
        together.zero_grad()
        with record_inputs(teacher.norm_layers() if teacher else [], lambda features: features) as of_teacher:
            taught = None if teacher is None else teacher(images)
        with record_inputs(student.norm_layers(), lambda features: features) as of_student:
            said = student(images)
        value = loss(DistillationBatch(images, student, teacher, said, taught, targets, of_student, of_teacher))
        value.backward()
    gradients = {name: parameter.grad for name, parameter in together.named_parameters()}
    found = {f"gradient of {name}": each for name, each in gradients.items() if each is not None}
    return {"loss": value.detach()} | found | dict(together.named_buffers())


def whole_batch(loss_name: str, dtype: torch.dtype) -> dict[str, Tensor]:
    """What one process computes."""
    return step(loss_name, dtype, range(IMAGES), shared=False)


def family_whole_batch(name: str) -> dict[str, Tensor]:
    """What one process computes."""
    return family_step(name, range(IMAGES), shared=False)


def narrow() -> Tensor:
    """Images whose channels have a standard deviation of 0.003 at means near 30."""
    draw = torch.Generator().manual_seed(0)
    return torch.randn(4, 2, 40, 40, generator=draw) * 0.003 + torch.tensor([30.0, -29.0])[:, None, None]


def _work(rank: int, folder: str) -> None:
    """Writes what this process of two computes; gradients and losses are averaged, as in training."""
    meeting = f"file://{folder}/meeting"
    dist.init_process_group("gloo", meeting, rank=rank, world_size=2, timeout=timedelta(seconds=60))
    half = IMAGES // 2
    share = range(rank * half, (rank + 1) * half)
    results = {name: family_step(name, share, shared=True) for name in FAMILIES}
    for loss_name in LOSSES:
        for dtype_name, dtype in DTYPES.items():
            results[f"{loss_name}, {dtype_name}"] = step(loss_name, dtype, share, shared=True)
    for found in results.values():
        for name in found:
            if name.startswith(("gradient", "loss")):
                dist.all_reduce(found[name])
                found[name] /= 2
    sums = [reduce_sum_per_process(torch.tensor(pair[rank]), at_least=1.0) for pair in SUMS]
    mean = reduce_mean(torch.tensor([1.0, 2.0 + 4 * rank]))
    layer = SynchronizedBatchNorm(2, momentum=1.0)
    output = layer(narrow()[rank::2])
    norm = {"output": output.detach(), "mean": layer.running_mean.clone(), "variance": layer.running_var.clone()}
    alone = layer(narrow() if rank else narrow()[:0]).detach()  # all images on one process, none on the other
    saved = {"steps": results, "sums": sums, "mean": mean, "narrow": norm, "alone": alone}
    torch.save(saved, Path(folder, f"{rank}.pt"))
    dist.destroy_process_group()


def both() -> tuple[dict, dict]:
    """Results of both processes."""
    with tempfile.TemporaryDirectory() as folder:
        spawn(_work, (folder,), nprocs=2)
        one, other = (torch.load(Path(folder, f"{rank}.pt")) for rank in range(2))
        return one, other
