"""RetinaNet."""

from jaxtyping import Float
from torch import Tensor

from diode_pl.detector.torchvision.objectness import split_sigmoid
from diode_pl.detector.torchvision.one_stage import OneStage


class RetinaNet(OneStage):
    """Anchors on a feature pyramid, with focal loss; arguments of :class:`TorchvisionDetector`.

    Source: Lin et al., Focal Loss for Dense Object Detection, ICCV 2017.

    Example:
        >>> import torch
        >>> from diode_pl.detector.torchvision.narrow_models import narrow_retinanet
        >>> detector = RetinaNet(narrow_retinanet, weights=None, names=["cat", "dog"])
        >>> [tuple(head.shape) for head in detector(torch.rand(1, 3, 64, 64)).heads]
        [(1, 576, 6), (1, 144, 6), (1, 36, 6)]
    """

    averaged_over = "images"

    def _probabilities(self, parts: dict[str, Tensor]) -> tuple[Float[Tensor, "n m"], Float[Tensor, "n m c"]]:
        return split_sigmoid(parts["cls_logits"][..., self.columns].sigmoid())
