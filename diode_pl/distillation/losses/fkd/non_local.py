"""Non-local blocks on feature maps."""

import itertools
import math

import torch
import torch.distributed as dist
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

KINDS = ("dot_product", "embedded_gaussian", "gaussian", "concatenation")
_MAX_KEYS = 256


def pool_size(height: int, width: int) -> int:
    """Returns the smallest side of pooling windows that leaves at most 256 keys per map."""
    return next(pool for pool in itertools.count(1) if (height // pool) * (width // pool) <= _MAX_KEYS)


class NonLocal(nn.Module):
    """Adds to each position a sum over all others, weighted by affinity: ``x + norm(out(affinity @ g(x)))``.

    Scale and shift of the batch norm start at 0, so the block starts as the identity. A single position of a single
    image is normalized by the running statistics, which it does not update.

    Args:
        channels: of the map.
        inner: channels of queries, keys and values.
        pool: side of the max-pooling windows of keys and values, in cells; smaller maps are not pooled.
        kind: affinity of query q and key k. ``dot_product``: theta(q) . phi(k) / keys; ``embedded_gaussian``: softmax
            over the keys of theta(q) . phi(k); ``gaussian``: softmax of q . k; ``concatenation``:
            relu(w . [theta(q), phi(k)]) / keys, and a block that starts with nothing above 0 never learns.

    Source: Wang et al., CVPR 2018, eq. 1 to 7; batch norm and pooling as in the code of Zhang and Ma, ICLR 2021.

    Example:
        >>> block, maps = NonLocal(channels=8, inner=4, pool=2), torch.rand(2, 8, 6, 6)
        >>> torch.equal(block(maps), maps)
        True
    """

    def __init__(self, channels: int, inner: int, pool: int = 1, kind: str = "dot_product") -> None:
        super().__init__()
        self.pool, self.kind = pool, kind
        self.g = nn.Conv2d(channels, inner, 1)
        # DDP does not allow parameters without gradient.
        if kind != "gaussian":
            self.theta, self.phi = nn.Conv2d(channels, inner, 1), nn.Conv2d(channels, inner, 1)
        if kind == "concatenation":
            self.joint = nn.Parameter(torch.empty(2, inner).uniform_(-1, 1) / math.sqrt(2 * inner))
        self.out = nn.Conv2d(inner, channels, 1)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm.weight)

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        values = self._pooled(self.g(maps)).flatten(2)
        related = values @ self._affinity(maps).transpose(1, 2)
        return maps + self._normed(self.out(related.unflatten(2, maps.shape[2:])))

    def _affinity(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n queries keys"]:
        if self.kind == "gaussian":
            queries, keys = maps.flatten(2), self._pooled(maps).flatten(2)
        else:
            queries, keys = self.theta(maps).flatten(2), self._pooled(self.phi(maps)).flatten(2)
        if self.kind == "concatenation":
            of_query, of_key = self.joint[0] @ queries, self.joint[1] @ keys
            return (of_query[:, :, None] + of_key[:, None, :]).relu() / keys.shape[2]
        products = queries.transpose(1, 2) @ keys
        return products / keys.shape[2] if self.kind == "dot_product" else products.softmax(dim=2)

    def _normed(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        norm = self.norm
        if maps.numel() > maps.shape[1] or (dist.is_available() and dist.is_initialized()):
            return norm(maps)
        # A single position has no variance; several processes have more together.
        return F.batch_norm(maps, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)

    def _pooled(self, maps: Float[Tensor, "n c h w"]) -> Tensor:
        return F.max_pool2d(maps, self.pool) if 1 < self.pool <= min(maps.shape[2:]) else maps
