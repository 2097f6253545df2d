"""Optimizer and learning rate schedule: parameter groups, warm-up, cosine decay."""

import math
import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

_WEIGHTS, _BIASES = "weights", "biases"


class Recipe:
    """Weight decay on weight matrices only, linear warm-up, cosine decay of the learning rate.

    During warm-up the learning rate of biases falls linearly from ``bias_lr``, that of all other parameters rises from
    0, and the momentum rises from ``warmup_momentum``. Stateless: everything follows from the step.

    Args:
        optimizer: factory that takes parameter groups; its ``weight_decay`` applies to convolution and linear weights.
        final_lr: final learning rate as a fraction of the optimizer's, in (0, 1].
        warmup_epochs: length of the warm-up, >= 0; the longer of the two counts, but at most half of the training.
        warmup_steps: likewise in steps, >= 0.
        bias_lr: initial learning rate of biases, >= 0; ignored for optimizers without momentum, as those that
            normalize their steps (Adam) would move every bias that far.
        warmup_momentum: initial momentum, for optimizers that have one, in [0, 1).
        nominal_batch: the loss is multiplied by batch size / ``nominal_batch``; None does not scale it.

    Raises:
        ValueError: if a number is out of range.

    Source: Chawla et al., WACV 2021, section 4: the published training of the student.

    Example:
        >>> from torch.optim import SGD
        >>> Recipe(SGD, nominal_batch=64).loss_scale(batch_size=16)
        0.25
    """

    def __init__(
        self,
        optimizer: Callable[..., Optimizer],
        final_lr: float = 0.05,
        warmup_epochs: float = 3.0,
        warmup_steps: int = 500,
        bias_lr: float = 0.1,
        warmup_momentum: float = 0.9,
        nominal_batch: int | None = 64,
    ) -> None:
        if not 0 < final_lr <= 1 or min(warmup_epochs, warmup_steps, bias_lr) < 0 or not 0 <= warmup_momentum < 1:
            raise ValueError(
                "final_lr, warmup_epochs, warmup_steps, bias_lr and warmup_momentum must be in (0, 1], >= 0, >= 0, "
                f">= 0 and in [0, 1), got {final_lr}, {warmup_epochs}, {warmup_steps}, {bias_lr}, {warmup_momentum}"
            )
        if nominal_batch is not None and nominal_batch < 1:
            raise ValueError(f"nominal_batch must be >= 1, got {nominal_batch}")
        require_optimizer(optimizer)
        self._make, self.final_lr, self.bias_lr = optimizer, final_lr, bias_lr
        self.warmup_epochs, self.warmup_steps, self.warmup_momentum = warmup_epochs, warmup_steps, warmup_momentum
        self.nominal_batch = nominal_batch

    def optimizer(self, module: nn.Module) -> Optimizer:
        """Returns an optimizer over the trainable parameters of ``module``, in at most three groups."""
        weights, biases, others = list[nn.Parameter](), list[nn.Parameter](), list[nn.Parameter]()
        for name, parameter in module.named_parameters():
            if not parameter.requires_grad:
                continue
            # Batch norm scales are neither biases nor decayed weights.
            group = biases if name.endswith("bias") else weights if parameter.dim() > 1 else others
            group.append(parameter)
        groups: list[dict[str, Any]] = [
            {"params": weights, "kind": _WEIGHTS},
            {"params": biases, "kind": _BIASES, "weight_decay": 0.0},
            {"params": others, "kind": "others", "weight_decay": 0.0},
        ]
        optimizer: Any = self._make([group for group in groups if group["params"]])
        # Fused optimizers offer to unscale gradients themselves, which Lightning does before it clips them.
        optimizer._step_supports_amp_scaling = False
        return optimizer

    def apply(self, optimizer: Optimizer, step: int, steps: int, steps_per_epoch: int) -> None:
        """Sets learning rates and momentum of ``step`` (starting at 0) of ``steps`` in an optimizer of this recipe."""
        cosine = self.final_lr + (1 - self.final_lr) * (1 + math.cos(math.pi * min(1.0, step / steps))) / 2
        warmup = min(max(self.warmup_epochs * steps_per_epoch, self.warmup_steps), steps / 2)
        warm = min(1.0, step / warmup) if warmup else 1.0
        # Not those of the groups, which a checkpoint overwrites with its own run's.
        peak = optimizer.defaults
        for group in optimizer.param_groups:
            goal = peak["lr"] * cosine
            start = self.bias_lr if group["kind"] == _BIASES and peak.get("momentum") else 0.0
            group["lr"] = start + (goal - start) * warm
            if group["kind"] == _WEIGHTS:
                group["weight_decay"] = peak["weight_decay"]
            if peak.get("momentum"):
                group["momentum"] = self.warmup_momentum + (peak["momentum"] - self.warmup_momentum) * warm

    def loss_scale(self, batch_size: int) -> float:
        """Returns the factor of the loss for a batch size."""
        return 1.0 if self.nominal_batch is None else batch_size / self.nominal_batch


def require_optimizer(make: Callable[..., Optimizer]) -> None:
    """Builds an optimizer of one parameter: what is wrong with its settings would otherwise show in the first step.

    Raises:
        ValueError: if it cannot be built; the message names the argument, as in ``optimizer.lr``.

    Example:
        >>> require_optimizer(partial(torch.optim.Adam, lr=-1.0))
        Traceback (most recent call last):
        ValueError: optimizer.lr: Invalid learning rate: -1.0
    """
    try:
        make([nn.Parameter(torch.zeros(1))])
    except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError) as error:
        guilty = []
        if isinstance(make, partial):
            mentioned = [name for name in make.keywords if re.search(rf"\b{name}\b", str(error))]
            guilty = [name for name in make.keywords if _is_built_without(make, name)] or mentioned
        raise ValueError(f"optimizer{f'.{guilty[0]}' if guilty else ''}: {error}") from error


def _is_built_without(make: partial[Optimizer], name: str) -> bool:
    rest = {other: value for other, value in make.keywords.items() if other != name}
    with suppress(ArithmeticError, LookupError, TypeError, ValueError, RuntimeError):
        make.func([nn.Parameter(torch.zeros(1))], *make.args, **rest)
        return True
    return False
