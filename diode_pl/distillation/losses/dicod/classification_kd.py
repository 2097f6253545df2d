"""How far a student's class logits are from a classifier's, one number an object: the kinds of KD_cls."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def softmax_divergence(
    student: Float[Tensor, "k d"], taught: Float[Tensor, "k c"], temperature: float
) -> Float[Tensor, " k"]:
    """Kullback-Leibler divergence from a softmax head with background to a classifier without.

    To the classifier background has probability 0. So the divergence of equal class logits is not 0 but
    -log(1 - probability of background): it also pushes background down.

    Args:
        student: logits of the classes, background last.
        taught: logits of the classes, without gradient.
        temperature: both are divided by it.

    Source: Guo et al., NeurIPS 2021, eq. 3 and 4.
    """
    wanted = (taught / temperature).log_softmax(dim=1)
    found = (student / temperature).log_softmax(dim=1)[:, :-1]
    return (wanted.exp() * (wanted - found)).sum(dim=1)


def bernoulli_divergence(
    student: Float[Tensor, "k c"], taught: Float[Tensor, "k c"], temperature: float
) -> Float[Tensor, " k"]:
    """Kullback-Leibler divergence between yes-or-no distributions, the mean over the classes.

    Which of the two outcomes is the label's, as the paper orders them, changes nothing in it.

    Args:
        student: logits, each class on its own.
        taught: likewise, without gradient.
        temperature: both are divided by it.

    Source: Guo et al., NeurIPS 2021, eq. 6.
    """
    student, taught = student / temperature, taught / temperature
    # logsigmoid(-x) is log(1 - sigmoid(x)), without loss where sigmoid(x) is near 1.
    yes = taught.sigmoid() * (F.logsigmoid(taught) - F.logsigmoid(student))
    no = (-taught).sigmoid() * (F.logsigmoid(-taught) - F.logsigmoid(-student))
    return (yes + no).mean(dim=1)


def l1_normalized_divergence(
    student: Float[Tensor, "k c"], taught: Float[Tensor, "k c"], temperature: float, taught_by_softmax: bool = False
) -> Float[Tensor, " k"]:
    """Kullback-Leibler divergence between class distributions, of sigmoids divided by their sum.

    Args:
        student: logits, each class on its own.
        taught: likewise, without gradient; or those of a softmax, whose probabilities are taken as they are.
        temperature: both are divided by it.
        taught_by_softmax: whether ``taught`` are logits of a softmax.

    Source: the paper's code's variant, not in the paper; without its 1e-10 in the logarithms.
    """
    student, taught = student / temperature, taught / temperature
    wanted = (taught if taught_by_softmax else F.logsigmoid(taught)).log_softmax(dim=1)
    found = F.logsigmoid(student).log_softmax(dim=1)
    return (wanted.exp() * (wanted - found)).sum(dim=1)


def paper_code_count(image: Tensor, images: int) -> Float[Tensor, ""]:
    """What the paper's code divides by: the positives, where an image without any counts as one with one.

    Args:
        image: position of each positive's image.
        images: in the batch.
    """
    return torch.bincount(image, minlength=images).clamp(min=1).sum().float()


def check_form(form: str | None, activation: str, kind: str, shared: Sequence[str]) -> None:
    """Refuses a form of the class part that says nothing, or something wrong.

    Args:
        form: None goes by the student's head, or "l1_normalized".
        activation: what the student's class logits are made for, "sigmoid" or "softmax".
        kind: what the classifier's are trained for.
        shared: classes that both know, by name.

    Raises:
        ValueError: the form does not suit them.
    """
    if activation == "softmax" and form is not None:
        raise ValueError(
            f"Dicod: form={form} is for students with a sigmoid for each class, but this one's classes share a "
            "softmax; null suits them"
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
            f"{shared[0]}; take null, or classification=0 for the box part alone"
        )
