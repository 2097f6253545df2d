import pytest
import torch
from torch.distributions import Categorical, kl_divergence

from diode_pl.distillation.losses.dicod.classification_kd import (
    bernoulli_divergence,
    l1_normalized_divergence,
    paper_code_count,
    softmax_divergence,
)
from tests.distillation.losses.dicod.cases import CASES, close, inputs

precisions = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
KINDS = (softmax_divergence, bernoulli_divergence, l1_normalized_divergence)


@precisions
def test_softmax_with_background(dtype: torch.dtype) -> None:
    given, expected = inputs("KDcls_softmax_with_background", dtype), CASES["KDcls_softmax_with_background"]["expected"]
    found = softmax_divergence(given["student_logits"], given["teacher_logits"], given["T"])
    close(found, expected["KL_per_box_no_T2"], dtype)
    close(found, expected["KL_per_box_no_T2_eps1e-10"], dtype)
    close(given["T"] ** 2 * found.mean(), expected["loss_mean_T2"], dtype)
    close(given["lambda"] * given["T"] ** 2 * found.mean(), expected["loss_lambda_T2"], dtype)
    close(given["lambda"] * given["T"] ** 2 * found.mean(), expected["loss_lambda_T2_eps1e-10"], dtype)
    close((given["student_logits"] / given["T"]).softmax(dim=1), expected["p_student"], dtype)
    padded = torch.cat([(given["teacher_logits"] / given["T"]).softmax(dim=1), torch.zeros(3, 1, dtype=dtype)], dim=1)
    close(padded, expected["p_teacher_padded"], dtype)


@precisions
def test_a_sigmoid_for_each_class(dtype: torch.dtype) -> None:
    given, expected = inputs("KDcls_bce_per_class_bernoulli", dtype), CASES["KDcls_bce_per_class_bernoulli"]["expected"]
    found = bernoulli_divergence(given["student_logits"], given["teacher_logits"], given["T"])
    close(found, expected["KL_per_box_no_T2"], dtype)
    close(given["T"] ** 2 * found.mean(), expected["loss_mean_T2"], dtype)
    close(given["lambda"] * given["T"] ** 2 * found.mean(), expected["loss_lambda_T2"], dtype)
    close((given["student_logits"] / given["T"]).sigmoid(), expected["p_student"], dtype)
    close((given["teacher_logits"] / given["T"]).sigmoid(), expected["p_teacher"], dtype)


@precisions
def test_sigmoids_divided_by_their_sum(dtype: torch.dtype) -> None:
    name = "KDcls_sigmoid_l1_normalized_variant"
    given, expected = inputs(name, dtype), CASES[name]["expected"]
    found = l1_normalized_divergence(given["student_logits"], given["teacher_logits"], given["T"])
    close(found, expected["KL_per_box_no_T2"], dtype)
    close(given["T"] ** 2 * found.mean(), expected["loss_mean_T2"], dtype)


@precisions
def test_equal_logits(dtype: torch.dtype) -> None:
    given, expected = inputs("KDcls_equal_logits_zero", dtype), CASES["KDcls_equal_logits_zero"]["expected"]
    logits, temperature = given["logits"], given["T"]
    assert bernoulli_divergence(logits, logits, temperature).sum() == expected["bce"]
    assert l1_normalized_divergence(logits, logits, temperature).sum() == 0
    background = torch.full((len(logits), 1), given["student_background_logit"], dtype=dtype)
    student = torch.cat([logits, background], dim=1)
    found = softmax_divergence(student, logits, temperature)
    close(found, expected["softmax_KL_per_box"], dtype)
    close(found, expected["minus_log_one_minus_pbg"], dtype)
    close(-torch.log1p(-(student / temperature).softmax(dim=1)[:, -1]), expected["minus_log_one_minus_pbg"], dtype)


def test_a_softmax_is_not_read_as_sigmoids() -> None:
    student, taught = torch.randn(5, 4, dtype=torch.float64), torch.randn(5, 4, dtype=torch.float64)
    sigmoids = (student / 2).sigmoid()
    wanted = kl_divergence(Categorical(logits=taught / 2), Categorical(probs=sigmoids / sigmoids.sum(1, keepdim=True)))
    torch.testing.assert_close(l1_normalized_divergence(student, taught, 2.0, True), wanted)
    # The same for all classes added: to a softmax nothing has changed.
    torch.testing.assert_close(l1_normalized_divergence(student, taught + 9, 2.0, True), wanted)
    assert not l1_normalized_divergence(student, taught, 2.0).allclose(wanted)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_gradient(kind) -> None:
    student = torch.randn(4, 6 if kind is softmax_divergence else 5, dtype=torch.float64, requires_grad=True)
    taught = torch.randn(4, 5, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: kind(x, taught, 2.0), student)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_far_logits_stay_finite(kind) -> None:
    taught = torch.tensor([[-200.0, 200.0, 0.0], [200.0, -200.0, 0.0]])
    student = torch.tensor([[300.0, -300.0, 300.0, -300.0]]).expand(2, -1)[:, : 3 + (kind is softmax_divergence)]
    student = student.clone().requires_grad_()
    found = kind(student, taught, 2.0)
    found.sum().backward()
    assert bool(found.isfinite().all()) and bool(student.grad.isfinite().all()) and bool(student.grad.any())


def test_an_image_without_positives_counts_as_one_with_one_in_the_papers_code() -> None:
    assert paper_code_count(torch.tensor([0, 0, 2]), 4) == 2 + 1 + 1 + 1
    assert paper_code_count(torch.tensor([0, 0, 2]), 3) == 4
    assert paper_code_count(torch.zeros(0, dtype=torch.long), 2) == 2
