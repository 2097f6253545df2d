"""Every configuration composes and builds what it names."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.errors import ConfigCompositionException
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf

from diode_pl.classification.datamodule import CropData
from diode_pl.classification.module import Classification
from diode_pl.classifier import ClassifierCard, CropClassifier, encode_classifier
from diode_pl.cli.experiments import qualify_experiments
from diode_pl.data import DetectionData
from diode_pl.distillation.evaluation import Evaluation
from diode_pl.distillation.module import Distillation
from diode_pl.provenance import Provenance
from diode_pl.synthesis.loss_weighting import ConstantWeights, GradientShares
from diode_pl.synthesis.sampler import AnchorExtents, LogUniformExtents
from tests.tiny_network import write_tiny_network
from tests.training_run import NAMES, write_teacher

CONF = Path(__file__).resolve().parents[1] / "conf"
ENTRY_POINTS = ("synthesize", "train")
GROUPS = ["accept", "sampler", "schedule", "initializer", "augmentations", "losses", "callbacks", "trainer", "logger"]
# Of groups that both entry points have, what is written for one of them.
OF_TRAINING = {"augmentations": {"student"}, "callbacks": {"train"}, "trainer": {"train"}}


def options(group: str) -> list[str]:
    folder = CONF / group.split("@")[0]
    # What lies in a folder below is shared by options; experiments alone are sorted into folders.
    paths = folder.rglob("*.yaml") if group.startswith("experiment/") else folder.glob("*.yaml")
    # A name that begins with _ is a part of options, none itself.
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in paths if path.name[0] != "_")


@cache
def compose_once(entry_point: str, overrides: tuple[str, ...]):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(entry_point, overrides=list(overrides), return_hydra_config=True)


def composed(*overrides: str, entry_point: str = "synthesize"):
    config = compose_once(entry_point, tuple(qualify_experiments(overrides, entry_point)))
    HydraConfig.instance().set_config(config)
    return config


def training(*overrides: str):
    return composed(*overrides, entry_point="train")


@pytest.mark.parametrize("detector", options("detector"))
def test_every_detector_composes_as_teacher_and_verifier(detector):
    config = composed(f"detector@teacher={detector}", f"detector@verifier={detector}")
    assert config.inversion.teacher == config.teacher
    assert config.callbacks.verifier.detector == config.verifier


def required_keys(config, group: str) -> list[str]:
    """Keys of a group that have no default; all of them are paths of files."""
    nodes = [(group, OmegaConf.to_container(config[group]))]
    for key, node in nodes:
        nodes += [(f"{key}.{name}", value) for name, value in node.items()] if isinstance(node, dict) else []
    return [key for key, node in nodes if node == "???"]


def composed_whole(group: str, file: Callable[[str], Path], *overrides: str, entry_point: str = "synthesize"):
    """The same with a file for every key of a group without a default; composed again only if there is one."""
    config = composed(*overrides, entry_point=entry_point)
    extra = [f"{key}={file(key)}" for key in required_keys(config, group)]
    return composed(*overrides, *extra, entry_point=entry_point) if extra else config


OPTIONS = [(g, o) for g in GROUPS for o in options(g) if o not in OF_TRAINING.get(g, ())]


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_builds_its_objects(group, option, tmp_path):
    given = tmp_path / "given.json"
    given.write_text('{"images": [], "annotations": [], "categories": []}')
    overrides = [f"{group}={option}", "detector@verifier=none", "hydra.runtime.output_dir=" + str(tmp_path)]
    if group == "losses" and not option.startswith(("shares", "factors_")):
        overrides.append("schedule=single")  # one term alone: the default schedule has factors of the others
    config = composed_whole(group, lambda _: given, *write_tiny_network(tmp_path), *overrides)
    built = instantiate(config.inversion, _convert_="object")
    assert built.teacher.class_names == ("cat", "dog")
    instantiate(config.trainer, _convert_="object")


REMOVABLE = [("losses", name) for name in composed().losses] + [("augmentations", n) for n in composed().augmentations]


@pytest.mark.parametrize(("group", "name"), REMOVABLE)
def test_every_loss_and_augmentation_can_be_removed(group, name, tmp_path):
    config = composed(*write_tiny_network(tmp_path), f"{group}.{name}=null")
    inversion = instantiate(config.inversion, _convert_="object")
    assert (
        len(getattr(inversion.objective if group == "losses" else inversion.image_loss, group))
        == len(config[group]) - 1
    )


EXPERIMENTS = [(e, name) for e in ENTRY_POINTS for name in options(f"experiment/{e}")]


@pytest.mark.parametrize(("entry_point", "name"), EXPERIMENTS)
def test_every_experiment_composes_with_its_entry_point(entry_point, name):
    config = composed(f"+experiment={name}", entry_point=entry_point)
    assert OmegaConf.to_container(config.schedule if entry_point == "synthesize" else config.distill, resolve=True)
    choices = config.hydra.runtime.choices
    plain = composed(*[f"task={choices.task}"] if entry_point == "train" else [], entry_point=entry_point)
    assert set(config) == set(plain)  # it adds no keys


@pytest.mark.parametrize(("entry_point", "name"), EXPERIMENTS)
def test_every_experiment_opens_with_its_command(entry_point, name):
    # Hydra wants the package in the line before.
    line = (CONF / "experiment" / entry_point / f"{name}.yaml").read_text().splitlines()[1]
    assert f"{line} ".startswith(f"# python {entry_point}.py +experiment={name} ")


def test_experiments_lie_in_the_folders_of_the_entry_points():
    assert {path.name for path in (CONF / "experiment").iterdir()} == set(ENTRY_POINTS)


def test_yolo_fp_grows_labels_throws_the_images_away_and_enlarges():
    stages = composed("+experiment=yolo_fp").schedule.stages
    assert [stage.resolution for stage in stages] == [160, 160, 320]
    assert [stage.iterations for stage in stages] == [2800, 2500, 1500]
    assert stages[0].growth is not None and not stages[0].keep_images
    assert stages[1].keep_images and stages[1].growth is None and stages[2].growth is None


def test_stages_losses_and_augmentations_are_open_to_the_command_line():
    config = composed(
        "schedule.stages.0.resolution=96",
        "schedule.stages.0.iterations=7",
        "augmentations.jitter=null",
        "losses.total_variation=null",
        "losses.detection.weight=3",
    )
    assert (config.schedule.stages[0].resolution, config.schedule.stages[0].iterations) == (96, 7)
    assert config.augmentations.jitter is None and config.losses.total_variation is None
    assert config.losses.detection.weight == 3


@pytest.mark.parametrize("losses", options("losses"))
def test_losses_bring_the_weighting_that_their_weights_are_meant_for(losses):
    weighting = instantiate(composed(f"losses={losses}").loss_weighting)
    assert isinstance(weighting, GradientShares if losses == "shares" else ConstantWeights)


def test_the_sizes_of_scenes_are_a_group():
    anchors = instantiate(composed("sampler=scene", "sampler.extents.fallback.log_aspect=0.3").sampler).extents
    assert isinstance(anchors, AnchorExtents) and anchors.fallback.log_aspect == 0.3
    config = composed("sampler=scene", "sampler/extents=log_uniform", "sampler.extents.size=[0.2,0.3]").sampler
    extents = instantiate(config, _convert_="object").extents
    assert isinstance(extents, LogUniformExtents) and extents.size == [0.2, 0.3]


def test_the_steps_that_shares_are_measured_in_are_a_key():
    assert composed("loss_weighting.steps=7").inversion.loss_weighting.steps == 7


def test_the_settings_of_the_paper():
    config = composed("+experiment=paper")
    weights = {name: loss.weight for name, loss in config.losses.items()}
    assert (weights["total_variation"], weights["batch_norm"], weights["first_batch_norm"]) == (75, 0.1, 2)
    assert config.loss_weighting._target_.endswith(".ConstantWeights")
    assert config.augmentations.jitter.wrap
    first = config.schedule.stages[0].optimizer
    assert (first._target_, first.lr, first.betas) == ("torch.optim.Adam", 0.2, [0, 0])
    assert config.initializer.std == 1.0


# ---------------------------------------------------------------- train.py


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return [*write_teacher(tmp_path_factory.mktemp("teacher")), "hydra.runtime.output_dir=."]


@pytest.mark.parametrize("detector", options("detector"))
def test_every_detector_composes_as_teacher_and_student(detector):
    config = training(f"detector@teacher={detector}", f"detector@student={detector}")
    assert config.distillation.teacher == config.teacher and config.distillation.student == config.student
    assert config.student.weights is None  # from scratch unless some are given
    given = training(f"detector@student={detector}", "student.weights=my.safetensors")
    assert given.student.weights == "my.safetensors"


@pytest.mark.parametrize("name", options("data"))
def test_every_data_set_composes_for_training_and_validation(name):
    roots = ["train.root=a", "val.root=b"] if "root" in set(training(f"data@train={name}").train) else []
    bare = [f"{key}.sets.public.root=a" for key in ("train", "val")] if name == "union" else []
    config = training(f"data@train={name}", f"data@val={name}", *roots, *bare, "resolution=96", "max_bad=3")
    resolved = OmegaConf.to_container(config.data, resolve=True, throw_on_missing=True)
    assert resolved["val"]["split"] == "val"
    if name == "union":
        assert {each["resolution"] for each in resolved["train"]["sets"].values()} == {96}
    elif name not in ("none", "held_out"):
        assert resolved["train"]["resolution"] == resolved["val"]["resolution"] == 96
    if roots:
        assert (resolved["train"]["root"], resolved["val"]["root"]) == ("a", "b")
        assert resolved["train"]["max_bad"] == 3


BUILT = [(g, o) for g in ("tiling", "distill", "augmentations", "optimizer") for o in options(g)]


@pytest.mark.parametrize(("group", "option"), BUILT)
def test_every_option_of_a_training_builds_its_objects(tiny, group, option, tmp_path):
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9]}
    images, categories = [{"id": 1, "width": 9, "height": 9}], [{"id": 1, "name": "cat"}]
    counted = {"images": images, "annotations": [box], "categories": categories}
    given, weights = tmp_path / "given.json", tmp_path / "classifier.safetensors"
    given.write_text(json.dumps(counted))
    weights.write_bytes(
        encode_classifier(CropClassifier(NAMES, crop_size=16, kind="both"), ClassifierCard(Provenance(True), 0.9, 0.9))
    )

    def built(choice: str):
        file = lambda key: weights if key.endswith("weights") else given  # noqa: E731
        return composed_whole(group, file, *tiny, choice, entry_point="train")

    expected = {option.removesuffix("_classifier").partition("_paper")[0]}  # alpha_detection is 0
    config = built(f"{group}={option}")
    if group == "distill" and not any(
        get_class(term._target_).complete for term in config.distill.values() if term.weight
    ):
        option, expected = f"[decoded,{option}]", expected | {"decoded"}
        config = built(f"{group}={option}")
    distillation = instantiate(config.distillation, _convert_="object")
    assert isinstance(distillation, Distillation) and isinstance(distillation.data, DetectionData)
    assert len(distillation.configure_optimizers().param_groups) == 3
    if group == "distill":
        expected |= {"decoded"} if option == "block" else set()
        assert set(distillation.objective.terms) == expected


def test_alpha_detection_brings_the_students_own_loss(tiny):
    for option in ("mimic", "objectness_scaled", "decoded"):
        config = training(*tiny, f"distill={option}", "alpha_detection=0.25")
        terms = instantiate(config.distillation, _convert_="object").objective.terms
        assert set(terms) == {option, "detection"} and terms["detection"].weight == 0.25


def test_block_is_decoded_with_another_term_beside_it(tiny):
    config = training(*tiny, "+experiment=quick", "distill=[block,fkd]", "alpha_detection=0.25")
    terms = instantiate(config.distillation, _convert_="object").objective.terms
    assert set(terms) == {"decoded", "block", "detection", "fkd"}
    assert (terms["block"].like, terms["block"].unlike) == (160, 40)
    assert config.distill.decoded == training("distill=decoded").distill.decoded
    assert set(training(*tiny, "distill=block", "distill.block=null").distill) == {"decoded", "block", "detection"}


@pytest.mark.parametrize("both", ["dicod,dicod_classifier", "mimic,dicod_classifier,dicod"])
def test_a_term_with_two_classifiers_is_refused(both):
    with pytest.raises(ConfigCompositionException, match="distill/dicod appears more than once"):
        training(f"distill=[{both}]")


def test_dicod_is_the_same_but_for_its_classifier():
    terms = [training(f"distill={option}").distill.dicod for option in ("dicod", "dicod_classifier")]
    one, other = ({key: value for key, value in term.items() if key != "classifier"} for term in terms)
    assert one == other and one["temperature"] == 2 and len(one) == 11


def test_terms_can_be_removed_and_weighted(tiny):
    removed = training(*tiny, "distill.detection=null", "alpha_detection=1", "distill.mimic.weight=2.5")
    terms = instantiate(removed.distillation, _convert_="object").objective.terms
    assert set(terms) == {"mimic"} and terms["mimic"].weight == 2.5
    with pytest.raises(Exception, match="no loss with a weight above 0"):
        instantiate(training(*tiny, "distill.mimic=null").distillation, _convert_="object")


@pytest.mark.parametrize("who", ["teacher", "student"])
def test_without_a_detector_says_which_key_names_one(tiny, who, unchecked):
    keys = [key for key in tiny if not key.startswith(f"{who}.")]
    config = training(*keys, f"detector@{who}=none")
    with pytest.raises(Exception, match=rf"'{who}: .*got None"):
        instantiate(config.distillation, _convert_="object")


def test_the_default_is_the_recipe_of_the_paper():
    config = training()
    sgd, recipe = config.optimizer, config.recipe
    assert (sgd.lr, sgd.momentum, sgd.nesterov, sgd.weight_decay) == (0.01, 0.937, True, 5e-4)
    assert (recipe.final_lr, recipe.warmup_epochs, recipe.warmup_steps, recipe.bias_lr) == (0.05, 3, 500, 0.1)
    assert (config.batch_size, recipe.nominal_batch, config.trainer.max_epochs) == (64, 64, 300)
    assert set(config.distill) == {"mimic", "detection"} and config.alpha_detection == 0
    assert (config.distillation.confidence, config.distillation.iou) == (0.001, 0.6)
    assert config.callbacks.ema is not None and config.data.mosaic == 1


def test_the_student_of_the_paper_adds_what_wants_a_gpu():
    config = training("+experiment=paper")
    # A third less and half more than 320 px, in steps of the stride.
    assert list(config.data.multi_scale) == [224, 480] and training().data.multi_scale is None
    assert (config.train.resolution, config.val.resolution) == (320, 640)
    assert config.trainer.precision == "16-mixed" and config.trainer.max_epochs == 300
    assert set(config.distill) == {"mimic", "detection"} and config.optimizer.nesterov


def test_embedded_detectors_learn_from_labels_alone():
    first, second = (training(f"+experiment={name}_shapes") for name in ("yolov3_tiny", "yolov3_res"))
    for config in (first, second):
        assert set(config.distill) == {"detection"} and config.train.world == "shapes"
        assert config.train.split == "train" and config.val.split == "val"
        assert instantiate(config.teacher) is None
    assert first.student.cfg._target_ != second.student.cfg._target_
    assert first.train.seed != second.train.seed and first.seed != second.seed


def test_a_distillation_has_no_keys_of_a_classifier():
    assert training().task._target_ == "diode_pl.distillation.jobs.distill"
    assert set(training("task=classify")) - set(training()) == {"classifier", "classification", "crops"}


@pytest.mark.parametrize("classifier", options("classifier"))
def test_every_classifier_builds_its_objects_and_has_the_form_of_its_losses(classifier, tmp_path):
    keys = ["+experiment=dicod_classifier", f"classifier={classifier}", "hydra.runtime.output_dir=."]
    keys += ["data@train=shapes", "train.size=4", "trainer.accelerator=cpu"]
    for terms, kind in (([], "both"), (["cross_entropy=null"], "sigmoid"), (["binary_cross_entropy=null"], "softmax")):
        job = instantiate(training(*keys, *(f"classification.losses.{t}" for t in terms)).task, _convert_="object")
        module = job.keywords["module"]
        crops = module.data
        assert isinstance(module, Classification) and isinstance(crops, CropData)
        assert module.classifier.kind == kind and module.classifier.backbone == classifier
        assert module.classifier.class_names == NAMES and module.classifier.crop_size == crops.crop_size == 64


def test_a_classifier_takes_pace_and_workers_of_the_data():
    crops = training("+experiment=dicod_classifier", "data.workers=3", "data.cache_gib=1.5").crops
    assert (crops.workers, crops.cache_gib, crops.steps_per_epoch) == (3, 1.5, 25)
    assert training("+experiment=dicod_classifier", "data.steps_per_epoch=7").crops.steps_per_epoch == 7
    assert training("task=classify").crops.steps_per_epoch is None


def test_a_classifier_asks_the_teacher_of_synthetic_images_and_can_do_without():
    config = training("+experiment=dicod_classifier", "hydra.runtime.output_dir=.")
    assert config.classification.label_source.agreement and config.classification.teacher == config.teacher
    assert not training("task=classify").classification.label_source.agreement
    alone = training("+experiment=dicod_classifier", "detector@teacher=none")
    assert instantiate(alone.classification.teacher) is None


def test_every_task_takes_its_own_arguments(tiny):
    student = ["student.weights=null", "hydra.runtime.output_dir=."]
    for task, keys in (("distill", {"module", "trainer", "ckpt"}), ("evaluate", {"module", "trainer", "ckpt"})):
        made = instantiate(training(*tiny, *student, f"task={task}").task, _convert_="object")
        assert set(made.keywords) == keys and made.keywords["ckpt"] is None
        assert isinstance(made.keywords["module"], Distillation if task == "distill" else Evaluation)
    made = instantiate(training(*tiny, "task=tile", "task.count=3").task, _convert_="object")
    assert made.keywords["count"] == 3 and made.keywords["data"].val is None
    assert "ckpt" not in training("task=tile")
