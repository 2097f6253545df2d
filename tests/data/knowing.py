"""A detector that knows the images of a data set."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from diode_pl.data.readers import ImageSet
from diode_pl.detector import Darknet, Detections, Outputs
from diode_pl.provenance import GIVEN_WEIGHTS
from tests.distillation.losses.batches import network

SCORE = 0.5


def knowing(
    source: ImageSet, sees: Callable[[int, int], bool], names: Sequence[str] | None = None, seed: int = 0
) -> Darknet:
    """Finds the labeled objects of the images with a score of 0.5, or some of them.

    Args:
        source: whose images it knows.
        sees: whether it finds object ``k`` of image ``i``.
        names: of its classes, those of ``source`` in another order or more; the same when not given.
        seed: of its weights, which tell nothing.
    """
    teacher = network(names=names or source.class_names, seed=seed)
    teacher.provenance = GIVEN_WEIGHTS  # stands for one that was trained
    labels = torch.tensor([teacher.class_names.index(name) for name in source.class_names])
    examples = [source[i] for i in range(len(source))]

    def forward(images: Tensor) -> Outputs:
        return Outputs((images,), (), (), (source.resolution, source.resolution))

    def predict(outputs: Outputs, confidence: float) -> list[Detections]:
        images = (outputs.heads[0] * 255).round().byte().cpu()
        return [detect(image) if confidence < SCORE else nothing() for image in images]

    def detect(image: Tensor) -> Detections:
        (i,) = (i for i, example in enumerate(examples) if torch.equal(example.image, image))
        known = torch.tensor([sees(i, k) for k in range(len(examples[i].labels))], dtype=torch.bool)
        boxes = examples[i].boxes[known]
        return Detections(boxes, torch.full((len(boxes),), SCORE), labels[examples[i].labels[known].long()])

    def nothing() -> Detections:
        return Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.long))

    teacher.forward, teacher.predict = forward, predict  # type: ignore[method-assign]
    return teacher
