"""RetinaNet."""

from jaxtyping import Float
from torch import Tensor

from diode_pl.detector.torchvision.objectness import split_sigmoid
from diode_pl.detector.torchvision.one_stage import OneStage


class RetinaNet(OneStage):
    """Anchors on a feature pyramid, classes by focal loss.

    Args:
        network: builds torchvision's network.
        weights: ``COCO_V1``, path of a state dict, or None for random ones.
        names: path of a file with one class name a line, or the names; None: COCO's.

    Raises:
        ConfigError: network, weights and names do not fit each other.
        DownloadError: the weights could not be downloaded.

    Source: Lin et al., Focal Loss for Dense Object Detection, ICCV 2017.
    """

    averaged_over = "images"

    def _probabilities(self, said: dict[str, Tensor]) -> tuple[Float[Tensor, "n m"], Float[Tensor, "n m c"]]:
        return split_sigmoid(said["cls_logits"][..., self._columns].sigmoid())
