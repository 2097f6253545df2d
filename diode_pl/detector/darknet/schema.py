"""Sections and keys of Darknet networks: those that are read, those that change nothing, and refusal of all others."""

from diode_pl.detector.darknet.cfg import Section

_USED = {
    "net": "width height channels",
    "convolutional": "filters size stride pad padding groups batch_normalize activation",
    "maxpool": "size stride padding",
    "avgpool": "",
    "upsample": "stride",
    "route": "layers groups group_id",
    "shortcut": "from activation",
    "scale_channels": "from activation",
    "dropout": "probability",
    "yolo": "mask anchors classes scale_x_y",
}

# Keys of Darknet's training and program, which do not change what a network computes. letter_box is about image files
# and nms_kind and beta_nms about detections: here images are tensors, and suppression is that of Detector.predict.
_TRAINING = {
    "any": "onlyforward stopbackward dont_update learning_rate burnin_update train_only_bn learning_rate_scale "
    "grad_centr",
    "net": "batch subdivisions momentum decay angle saturation exposure hue burn_in max_batches policy steps scales "
    "step scale gamma power mosaic mosaic_bound mixup cutmix blur gaussian_noise flip max_crop min_crop crop aspect "
    "adam B1 B2 eps letter_box max_chart_loss optimized_memory workspace_size_limit_MB dynamic_minibatch "
    "num_sigmas_reject_badlabels equidistant_point badlabels_rejection_percentage ema_alpha label_smooth_eps "
    "loss_scale use_cuda_graph seq_scales show_receptive_field unsupervised notruth random try_fix_nan "
    "weights_reject_freq",
    "yolo": "num jitter ignore_thresh truth_thresh random resize max map iou_thresh iou_normalizer cls_normalizer "
    "obj_normalizer uc_normalizer delta_normalizer max_delta iou_loss iou_thresh_kind nms_kind beta_nms focal_loss "
    "label_smooth_eps counters_per_class objectness_smooth show_details",
    "shortcut": "weights_normalization",
}

_SWITCHES = (
    "antialiasing assisted_excitation bin_output binary coordconv deform deformable flipped reverse rotate stretch "
    "stretch_sway sway xnor"
)
# Keys that would change the result, and the value at which they do not.
_NEUTRAL: dict[str, dict[str, str]] = {
    "any": {"dontload": "0", "dontloadscales": "0"},
    "net": {"time_steps": "1", "track": "0", "adversarial_lr": "0"},
    "convolutional": {"dilation": "1"} | dict.fromkeys(_SWITCHES.split(), "0"),
    "maxpool": {"antialiasing": "0", "maxpool_depth": "0"},
    "avgpool": {"antialiasing": "0"},
    "upsample": {"scale": "1", "reverse": "0"},
    "shortcut": {"alpha": "1", "beta": "1", "weights_type": "none"},
    "scale_channels": {"scale_wh": "0"},
    "dropout": {"dropblock": "0", "dropblock_size_rel": "0", "dropblock_size_abs": "0"},
    "yolo": {"new_coords": "0", "track": "0", "embedding_layer": "-1"},
}


def check_section(section: Section) -> None:
    """Checks that all keys of a section are supported.

    Raises:
        ConfigError: if the section is unknown, a key is neither read nor known to change nothing, or one that is read
            has two values.
    """
    kind = "net" if section.kind == "network" else section.kind
    if kind not in _USED or (kind == "net") != (section.number < 0):
        raise section.error("this section is not known here", f"one of {', '.join(k for k in _USED if k != 'net')}")
    used, ignored = _USED[kind].split(), (_TRAINING["any"] + " " + _TRAINING.get(kind, "")).split()
    neutral = _NEUTRAL["any"] | _NEUTRAL.get(kind, {})
    for key, value in section.options.items():
        if key in ignored:
            continue
        if key in section.repeated:
            line, other = section.repeated[key]
            raise section.error(f"line {line} sets it again, to {other}", "each key once", key)
        if key in used:
            continue
        if key not in neutral:
            raise section.error("this key is not known", f"one of {', '.join(used)}" if used else "no key", key)
        if not _equal(value, neutral[key]):
            raise section.error("this is not supported", f"{key}={neutral[key]}, or no such line", key)


def _equal(value: str, neutral: str) -> bool:
    try:
        return float(value) == float(neutral)
    except ValueError:
        return value == neutral
