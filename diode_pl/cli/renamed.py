"""Renamed words of the command line: each is rejected with its new name."""

import re
from collections.abc import Sequence

# What was typed, up to the equals sign or with it, and what to type instead.
RENAMED = {
    "job": "task=distill or task=classify",
    "fit": "task=evaluate, which measures a student and trains nothing",
    "tiled": "task=tile task.count=N, which writes tiled images and trains nothing",
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
    "distill.dicod.reduction=released": "distill.dicod.reduction=paper_code",
    "distill.fkd.preset": "distill=fkd (of the paper's code, for one-stage detectors), fkd_paper_code_two_stage, "
    "fkd_paper_one_stage or fkd_paper_two_stage",
    "callbacks=synthesis": "callbacks=synthesize",
    "callbacks=training": "callbacks=train",
    "trainer=inversion": "trainer=synthesize",
    "trainer=distillation": "trainer=train",
    "experiment=demo_images": "+experiment=demo",
    "experiment=published": "+experiment=paper",
    "experiment=published_student": "+experiment=paper",
    "experiment=supervised_shapes": "an experiment that trains one detector, such as +experiment=yolov3_tiny_shapes",
    "experiment=chain_images": "+experiment=tables/chain",
    "experiment=methods": "+experiment=tables/methods",
    "distill.dicod.form=l1_normalised": "distill.dicod.form=l1_normalized",
    "distill.dicod.localisation": "distill.dicod.localization",
    "distill.dicod.kd_loc_warmup_steps": "distill.dicod.localization_warmup_steps",
    "crops.colour": "crops.color",
}
RENAMED |= {f"recipe.burn_in_{key}": f"recipe.warmup_{key}" for key in ("epochs", "steps", "momentum")}
for _set in ("train", "val"):
    RENAMED |= {f"{_set}.data_access": f"{_set}.provenance", f"{_set}.labelled": f"{_set}.labeled"}
for _term in ("losses.batch_norm.form", "losses.first_batch_norm.form"):
    RENAMED |= {f"{_term}=published": f"{_term}=paper", f"{_term}=standardised": f"{_term}=standardized"}
_OF_METHOD = "alpha", "beta", "gamma", "temperature", "masks", "attention", "channel_mask", "non_local", "reduction"
RENAMED |= {f"distill.fkd.{key}": f"distill.fkd.method.{key}" for key in _OF_METHOD}
_TEACHER, _VERIFIER = "yolov3_tiny_shapes", "yolov3_res_shapes"
for _role in ("teacher", "student", "verifier"):
    RENAMED[f"detector@{_role}=teacher_shapes"] = f"detector@{_role}={_TEACHER}"
    RENAMED[f"detector@{_role}=verifier_shapes"] = f"detector@{_role}={_VERIFIER}"
    RENAMED[f"{_role}.cfg.classes"] = f"{_role}.names, whose number counts"
RENAMED |= {"experiment=teacher_shapes": f"+experiment={_TEACHER}"}
RENAMED |= {"experiment=verifier_shapes": f"+experiment={_VERIFIER}"}
for _table, _rows in {
    "chain": ("far", "fp", "labels", "near", "noise", "onebox", "real"),
    "transfer": ("fasterrcnn", "nano", "retinanet", "ssd", "yolo", "yolo_fastest"),
}.items():
    RENAMED |= {f"experiment={_table}/{row}": f"+experiment=tables/{_table}/{row}" for row in _rows}


def refuse_renamed(overrides: Sequence[str]) -> None:
    """Raises a SystemExit with the new word if an argument, such as ``losses=default``, has been renamed."""
    for override in overrides:
        if "=" not in override and override[:1] != "~":  # an option of Hydra or its value, such as --cfg job
            continue
        key, _, value = override.lstrip("+~").partition("=")
        for old in (key, *(f"{key}={option}" for option in re.split(r"[\[\],\s'\"]+", value))):
            if old in RENAMED:
                raise SystemExit(f"error: {old} has been replaced by {RENAMED[old]}")
