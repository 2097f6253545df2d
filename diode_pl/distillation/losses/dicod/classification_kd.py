"""Divergences between the class logits of a student and a classifier, one per object (KD_cls)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def softmax_divergence(
    student: Float[Tensor, "k d"], teacher: Float[Tensor, "k c"], temperature: float
) -> Float[Tensor, " k"]:
    """Kullback-Leibler divergence from a softmax head with background to a classifier without.

    Equal class logits give -log(1 - probability of background) instead of 0, which also pushes background down.

    Args:
        student: logits of the classes, background last.
        teacher: logits of the classes, without gradient.
        temperature: both are divided by it.

    Source: Guo et al., NeurIPS 2021, eq. 3 and 4.
    """
    wanted = (teacher / temperature).log_softmax(dim=1)
    found = (student / temperature).log_softmax(dim=1)[:, :-1]
    return (wanted.exp() * (wanted - found)).sum(dim=1)


def bernoulli_divergence(
    student: Float[Tensor, "k c"], teacher: Float[Tensor, "k c"], temperature: float
) -> Float[Tensor, " k"]:
    """Kullback-Leibler divergence between the sigmoids of each class, averaged over the classes.

    Source: Guo et al., NeurIPS 2021, eq. 6.
    """
    student, teacher = student / temperature, teacher / temperature
    # logsigmoid(-x) is log(1 - sigmoid(x)), without loss where sigmoid(x) is near 1.
    yes = teacher.sigmoid() * (F.logsigmoid(teacher) - F.logsigmoid(student))
    no = (-teacher).sigmoid() * (F.logsigmoid(-teacher) - F.logsigmoid(-student))
    return (yes + no).mean(dim=1)


def l1_normalized_divergence(
    student: Float[Tensor, "k c"], teacher: Float[Tensor, "k c"], temperature: float, teacher_softmax: bool = False
) -> Float[Tensor, " k"]:
    """Kullback-Leibler divergence between class distributions: sigmoids divided by their sum.

    Args:
        student: logits, each class on its own.
        teacher: likewise, without gradient.
        temperature: both are divided by it.
        teacher_softmax: whether ``teacher`` are logits of a softmax, whose probabilities are used as they are.

    Source: the code of Guo et al., NeurIPS 2021, not the paper; without its 1e-10 in the logarithms.
    """
    student, teacher = student / temperature, teacher / temperature
    wanted = (teacher if teacher_softmax else F.logsigmoid(teacher)).log_softmax(dim=1)
    found = F.logsigmoid(student).log_softmax(dim=1)
    return (wanted.exp() * (wanted - found)).sum(dim=1)


def paper_code_count(image: Tensor, images: int) -> Float[Tensor, ""]:
    """Number of positives, given the image of each; an image without any counts as 1, as in the paper's code."""
    return torch.bincount(image, minlength=images).clamp(min=1).sum().float()


def check_form(form: str | None, activation: str, kind: str, shared: Sequence[str]) -> None:
    """Raises a ValueError if ``form`` of :class:`Dicod` does not fit the class logits of student and classifier.

    Args:
        form: None or "l1_normalized".
        activation: of the student's class logits, "sigmoid" or "softmax".
        kind: activation that the classifier's logits were trained for.
        shared: names of the shared classes.
    """
    if activation == "softmax" and form is not None:
        raise ValueError(
            f"Dicod: form={form} is for students with a sigmoid for each class, but this one's classes share a "
            "softmax; None suits them"
        )
    if activation == "sigmoid" and form is None and kind != "sigmoid":
        raise ValueError(
            f"Dicod: form: the student has a sigmoid for each class, but the classifier was trained for a {kind}, "
            "whose logits a sigmoid misreads; take l1_normalized, or train the classifier with a binary cross-entropy "
            "for each class"
        )
    if form is not None and len(shared) == 1:
        raise ValueError(
            f"Dicod: form={form} compares classes with one another, but classifier and student share only "
            f"{shared[0]}; take None, or classification=0 for the box part alone"
        )
