"""RetinaNet."""

from collections.abc import Callable, Sequence
from pathlib import Path

from jaxtyping import Float, Int
from torch import Tensor, nn
from torchvision.ops import box_iou

from diode_pl.detector.base import Outputs
from diode_pl.detector.torchvision.one_stage import OneStage
from diode_pl.detector.torchvision.sigmoid_classes import of_scores


class RetinaNet(OneStage):
    """Anchors on a feature pyramid, classes by focal loss.

    Args:
        network: builds torchvision's network.
        weights: ``COCO_V1``, path of a state dict, or None for random ones.
        names: path of a file with one class name a line, or the names; None: COCO's.

    Raises:
        ConfigError: network, weights and names do not fit each other.
        FetchError: the weights could not be downloaded.

    Source: Lin et al., Focal Loss for Dense Object Detection, ICCV 2017.
    """

    averaged_over = "images"

    def __init__(
        self,
        network: Callable[..., nn.Module],
        weights: str | Path | None,
        names: str | Path | Sequence[str] | None = None,
    ) -> None:
        super().__init__(network, weights, names, stride=32, smallest=32)

    def _match(self, boxes: Float[Tensor, "k 4"], anchors: Float[Tensor, "m 4"], outputs: Outputs) -> Int[Tensor, " m"]:
        if not len(boxes):
            return boxes.new_full((len(anchors),), -1).long()
        return self.network.proposal_matcher(box_iou(boxes, anchors))

    def _terms(
        self, wanted: list[dict[str, Tensor]], said: dict[str, Tensor], anchors: list[Tensor], matched: list[Tensor]
    ) -> dict[str, Tensor]:
        return self.network.head.compute_loss(wanted, said, anchors, matched)

    def _probabilities(self, said: dict[str, Tensor]) -> tuple[Float[Tensor, "n m"], Float[Tensor, "n m c"]]:
        return of_scores(said["cls_logits"][..., self._columns].sigmoid())
