"""Fingerprints and reproducible files of weights."""

import hashlib
import json
from collections.abc import Mapping

import torch
from safetensors.torch import save
from torch import Tensor, nn


def fingerprint(module: nn.Module) -> str:
    """SHA-256 over all parameters and buffers."""
    digest = hashlib.sha256()
    for name, value in module.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def to_safetensors(state: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """Content of a .safetensors file, identical for the same tensors and metadata in every process.

    Args:
        state: contiguous tensors on the CPU that share no memory.
        metadata: at least one entry.
    """
    # The library writes metadata in an order that differs between processes.
    content = memoryview(save(dict(state), dict(metadata)))
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(bytes(content[8:end]))
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at multiples of 8
    return b"".join([len(text).to_bytes(8, "little"), text, content[end:]])
