import pytest

from diode_pl.detector import Detector
from diode_pl.distillation.losses import Dicod
from diode_pl.distillation.losses.dicod import DetectorAsClassifier
from tests.distillation.losses.dicod.cases import toy
from tests.distillation.losses.lessons import SIZE, network
from tests.tiny import TinyDetector


@pytest.mark.parametrize(
    ("student", "teacher", "factors", "said"),
    [
        (TinyDetector(), network(), {}, r"the student \(TinyDetector\) does not offer match_predictions\(\)\."),
        (
            network(),
            TinyDetector(),
            {},
            r"the teacher \(TinyDetector\) does not offer class_logits\(\) and forward_stem\(\)\.",
        ),
        (network(), TinyDetector(), {"localization": 0.0}, r"teacher .* does not offer class_logits\(\)\."),
        (network(), TinyDetector(), {"classification": 0.0}, r"teacher .* does not offer forward_stem\(\)\."),
    ],
)
def test_a_detector_without_what_is_asked_is_refused_before_the_first_step(
    student: Detector, teacher: Detector, factors: dict[str, float], said: str
) -> None:
    with pytest.raises(ValueError, match=rf"^distill\.dicod: .*{said}.*docs/own_detector\.md.*distill\.dicod=null"):
        Dicod(DetectorAsClassifier(), **factors).prepare(teacher, student, SIZE)


def test_a_classifier_of_its_own_asks_nothing_of_the_teacher() -> None:
    Dicod(toy()).prepare(TinyDetector(), network(), SIZE)
