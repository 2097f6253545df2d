"""How each place of a feature map relates to all others."""

import math

import torch
import torch.distributed as dist
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

KINDS = ("dot_product", "embedded_gaussian", "gaussian", "concatenation")
_MAX_KEYS = 256


def pool_size(height: int, width: int) -> int:
    """The smallest side of pooling windows that leaves at most 256 keys per map."""
    pool = 1
    while (height // pool) * (width // pool) > _MAX_KEYS:
        pool += 1
    return pool


class NonLocal(nn.Module):
    """Adds to each place what all others say, weighted by their affinity to it: ``x + norm(out(affinity @ g(x)))``.

    The scale and shift of the batch norm start at 0, and so the block starts as the identity. A single place of
    a single image is normed by the running statistics, and leaves them as they are.

    Args:
        channels: of the map.
        inner: channels of queries, keys and values.
        pool: keys and values are max-pooled by windows of this side, in cells; 1 pools nothing. Maps smaller than a
            window are left as they are.
        kind: affinity of query q and key k. ``dot_product``: theta(q) . phi(k) / keys; ``embedded_gaussian``: softmax
            over the keys of theta(q) . phi(k); ``gaussian``: softmax of q . k; ``concatenation``:
            relu(w . [theta(q), phi(k)]) / keys, and a block that starts with nothing above 0 never learns.

    Source: Wang et al., CVPR 2018, eq. 1 to 7; batch norm and pooling as in the code of Zhang and Ma, ICLR 2021.
    """

    def __init__(self, channels: int, inner: int, pool: int = 1, kind: str = "dot_product") -> None:
        super().__init__()
        self.pool, self.kind = pool, kind
        self.g = nn.Conv2d(channels, inner, 1)
        # Layers that a kind does not use would get no gradient, which several processes do not take.
        if kind != "gaussian":
            self.theta, self.phi = nn.Conv2d(channels, inner, 1), nn.Conv2d(channels, inner, 1)
        if kind == "concatenation":
            self.joint = nn.Parameter(torch.empty(2, inner).uniform_(-1, 1) / math.sqrt(2 * inner))
        self.out = nn.Conv2d(inner, channels, 1)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm.weight)

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """The map and what relates to each of its places."""
        values = self._pooled(self.g(maps)).flatten(2)
        said = values @ self._affinity(maps).transpose(1, 2)
        return maps + self._normed(self.out(said.unflatten(2, maps.shape[2:])))

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

    def _normed(self, said: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        norm = self.norm
        if said.numel() > said.shape[1] or (dist.is_available() and dist.is_initialized()):
            return norm(said)
        # One place of one image has no variance; several processes have more together.
        return F.batch_norm(said, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)

    def _pooled(self, maps: Float[Tensor, "n c h w"]) -> Tensor:
        return F.max_pool2d(maps, self.pool) if 1 < self.pool <= min(maps.shape[2:]) else maps
