import pytest

from diode_pl.cli.renamed import RENAMED, refuse_renamed


@pytest.mark.parametrize(
    ("typed", "new"),
    [
        ("losses=default", "losses=shares"),
        ("losses=fixed,published", "losses=factors_small"),
        ("losses=[standardised,mine]", "losses=factors_standardized"),
        ("balance=fixed", "losses=factors_..."),
        ("balance.steps=7", r"loss_weighting\.steps"),
        ("detector@teacher=teacher_shapes", "detector@teacher=yolov3_tiny_shapes"),
        ("detector@verifier=verifier_shapes", "detector@verifier=yolov3_res_shapes"),
        ("recipe.burn_in_steps=10", r"recipe\.warmup_steps"),
        ("train.data_access=noise", r"train\.provenance"),
        ("val.labelled=false", r"val\.labeled"),
        ("distill.dicod.localisation=0", r"distill\.dicod\.localization"),
        ("distill.dicod.kd_loc_warmup_steps=500", r"distill\.dicod\.localization_warmup_steps"),
        ("crops.colour=0", r"crops\.color"),
        ("losses.batch_norm.form=standardised", r"losses\.batch_norm\.form=standardized"),
        ("losses.first_batch_norm.form=standardised", r"losses\.first_batch_norm\.form=standardized"),
        ("+recipe.burn_in_steps=10", r"recipe\.warmup_steps"),
        ("+experiment=published_student", r"\+experiment=paper"),
        ("+experiment=chain/fp,chain/real", r"\+experiment=tables/chain/fp"),
    ],
)
def test_an_old_word_is_refused_with_the_new_one(typed: str, new: str) -> None:
    with pytest.raises(SystemExit, match=f"has been replaced by .*{new}"):
        refuse_renamed(["seed=1", typed])


@pytest.mark.parametrize(
    "typed",
    ["losses=shares", "losses.balance=1", "+experiment=yolo_fp", "seed=default", "--help", "distill.fkd.balance=1"],
)
def test_other_words_pass(typed: str) -> None:
    refuse_renamed([typed])


def test_printing_the_configuration_is_no_old_word() -> None:
    refuse_renamed(["--cfg", "job"])
    with pytest.raises(SystemExit):
        refuse_renamed(["--cfg", "job", "job=distill"])


def test_no_word_leads_to_another_old_one() -> None:
    assert not RENAMED.keys() & {new.lstrip("+") for new in RENAMED.values()}


@pytest.mark.parametrize("name", ["synthesize", "train"])
def test_entry_points_answer_before_hydra_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry_point = __import__(name)
    monkeypatch.setattr("sys.argv", [f"{name}.py", "nonsense=1", "losses=default"])
    with pytest.raises(SystemExit, match="losses=shares"):
        entry_point.main()


def test_values_of_options_are_not_keys() -> None:
    refuse_renamed(["--cfg", "job", "-m"])
