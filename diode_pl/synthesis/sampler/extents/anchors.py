"""Object sizes from the teacher's anchors."""

import math

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from diode_pl.synthesis.sampler.extents.base import Extents
from diode_pl.synthesis.sampler.extents.log_uniform import LogUniformExtents
from diode_pl.synthesis.sampler.label_prior import LabelPrior


class AnchorExtents(Extents):
    """Sizes around the teacher's anchors, the same for every class.

    Anchors that k-means fits to the boxes of a data set are a summary of their sizes, and part of the teacher: each is
    equally likely, as clusters have about the same number of boxes. Width and height are multiplied by independent
    log-normal factors of median 1. A side longer than the image is clipped to it.

    Args:
        log_std: standard deviation of the logarithm of the factors; finite, >= 0.
        fallback: sizes for a teacher without anchors that were fit to boxes; :class:`LogUniformExtents` by default.

    Raises:
        ValueError: if ``log_std`` is out of range.

    Source: anchors as clusters of box sizes: Redmon and Farhadi, YOLO9000, CVPR 2017, section 2.

    Example:
        >>> prior = LabelPrior({"mug": 0}, anchors=torch.tensor([[0.25, 0.5]]))
        >>> AnchorExtents(log_std=0.0).draw(torch.tensor([0]), prior, Generator())
        tensor([[0.2500, 0.5000]])
    """

    def __init__(self, log_std: float = 0.25, fallback: Extents | None = None) -> None:
        if not 0 <= log_std < math.inf:
            raise ValueError(f"log_std must be finite and >= 0, got {log_std}")
        self.log_std, self.fallback = log_std, fallback or LogUniformExtents()

    def draw(self, labels: Int[Tensor, " n"], prior: LabelPrior, generator: Generator) -> Float[Tensor, "n 2"]:
        if not len(prior.anchors):
            return self.fallback.draw(labels, prior, generator)
        chosen = prior.anchors[torch.randint(len(prior.anchors), (len(labels),), generator=generator)]
        factors = (self.log_std * torch.randn(len(labels), 2, generator=generator)).exp()
        return (chosen * factors).clamp(max=1)
