"""How two feature maps are compared: the published settings, and what may be changed of them."""

import math
from dataclasses import dataclass, fields, replace
from typing import Any

from diode_pl.distillation.losses.fkd.non_local import KINDS
from diode_pl.distillation.losses.fkd.norm import REDUCTIONS

_CHOICES = {
    "masks": ("code", "paper"),
    "attention": ("signed", "absolute"),
    "channel_mask": ("adapted", "raw", "teacher", "none"),
    "non_local": KINDS,
    "reduction": REDUCTIONS,
}


@dataclass(frozen=True)
class Method:
    """Every number and choice of the loss.

    Args:
        alpha: factor of attention transfer, of its channel and of its spatial part alike; 0 leaves both out.
        beta: factor of the attention-masked features; 0 leaves them out.
        gamma: factor of the non-local relations; 0 leaves them out.
        temperature: of the masks, above 0; the smaller, the sharper.
        masks: ``paper``: softmax of the sum of both attentions; ``code``: mean of two softmaxes.
        attention: what attention transfer averages, ``signed`` or ``absolute`` values. Masks always take absolute ones.
        channel_mask: whose channels count in the mask beside the teacher's: the student's ``adapted`` or ``raw`` ones;
            ``teacher``: the teacher's alone; ``none``: channels are not masked.
        non_local: kind of the non-local blocks.
        reduction: ``batch`` or ``per_image``, see :func:`~diode_pl.distillation.losses.fkd.norm.norm`.

    Raises:
        ValueError: a value is out of range, or nothing is left to compute.
    """

    alpha: float
    beta: float
    gamma: float
    temperature: float
    masks: str
    attention: str
    channel_mask: str
    non_local: str = "dot_product"
    reduction: str = "batch"

    def __post_init__(self) -> None:
        factors = {key: getattr(self, key) for key in ("alpha", "beta", "gamma")}
        for key, value in factors.items():
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"FKD: {key} must be finite and not negative, got {value}")
        if not any(factors.values()):
            raise ValueError(
                "FKD: alpha, beta and gamma are all 0, nothing is left to learn; distill.NAME=null removes it"
            )
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise ValueError(f"FKD: temperature must be finite and above 0, got {self.temperature}")
        for key, choices in _CHOICES.items():
            if getattr(self, key) not in choices:
                raise ValueError(f"FKD: {key} must be one of {', '.join(choices)}, got {getattr(self, key)!r}")

    @property
    def factors(self) -> dict[str, float]:
        """Factor of each part that is computed, by name."""
        named = {
            "attention_masked": self.beta,
            "attention_transfer_channel": self.alpha,
            "attention_transfer_spatial": self.alpha,
            "non_local": self.gamma,
        }
        return {name: factor for name, factor in named.items() if factor > 0}


# Paper and released code disagree: alpha and beta have changed places, and so have the temperatures of one stage and
# two. Weights of the code for one stage are six times those for two. Both mask by the student's raw channels; adapted
# ones are ours, for channels may differ in number.
PRESETS = {
    "code_one_stage": Method(2.4e-2, 4.2e-4, 4.2e-4, 0.1, "code", "signed", "adapted"),
    "code_two_stage": Method(4e-3, 7e-5, 7e-5, 0.5, "code", "signed", "none"),
    "paper_one_stage": Method(4e-4, 2e-2, 4e-4, 0.5, "paper", "absolute", "adapted"),
    "paper_two_stage": Method(7e-5, 4e-3, 7e-5, 0.1, "paper", "absolute", "adapted"),
}


def method(preset: str, **changes: Any) -> Method:
    """A preset with changes.

    Args:
        preset: a name of ``PRESETS``.
        changes: fields of :class:`Method`; None keeps what the preset says.

    Raises:
        ValueError: there is no such preset, or a change is out of range.
    """
    if preset not in PRESETS:
        raise ValueError(f"FKD: preset must be one of {', '.join(PRESETS)}, got {preset!r}")
    assert set(changes) <= {field.name for field in fields(Method)}
    return replace(PRESETS[preset], **{key: value for key, value in changes.items() if value is not None})
