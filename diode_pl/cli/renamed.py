"""Words of the command line that have a new name: each is refused with it."""

from collections.abc import Sequence

# What was typed, up to the equals sign or with it, and what to type instead.
RENAMED = {
    "losses=default": "losses=shares",
    "losses=fixed": "losses=factors_small",
    "losses=standardised": "losses=factors_standardized",
    "losses=standardized": "losses=factors_standardized",
    "losses=published": "losses=factors_paper",
    "balance": "losses=shares or one of losses=factors_..., each of which brings its weighting",
    "balance.steps": "loss_weighting.steps",
    "augmentations=published": "augmentations=paper_code",
    "initializer=noise_published": "initializer=noise_paper_code",
    "schedule=single_published": "schedule=single_paper_code",
    "schedule=multires_published": "schedule=multires_paper_code",
    "schedule=fp_multires_published": "schedule=fp_multires_paper_code",
    "losses.batch_norm.form=published": "losses.batch_norm.form=paper",
    "losses.first_batch_norm.form=published": "losses.first_batch_norm.form=paper",
    "distill.dicod.reduction=released": "distill.dicod.reduction=paper_code",
    "recipe.burn_in_epochs": "recipe.warmup_epochs",
    "recipe.burn_in_steps": "recipe.warmup_steps",
    "recipe.burn_in_momentum": "recipe.warmup_momentum",
}


def refuse_renamed(overrides: Sequence[str]) -> None:
    """Exits with the new word where an old one was typed.

    Args:
        overrides: the arguments of the command line, such as ``fit=false`` or ``losses=default``.

    Raises:
        SystemExit: one of them has been renamed.
    """
    for override in overrides:
        word = override.lstrip("+~")
        for old in (word, word.partition("=")[0]):
            if old in RENAMED:
                raise SystemExit(f"error: {old} has been replaced by {RENAMED[old]}")
