import torch

from diode_pl.detector.torchvision.objectness import split_sigmoid, split_softmax


def test_the_product_is_the_scores() -> None:
    scores = torch.rand(2, 5, 3)
    scores[0, 0] = 0
    objectness, classes = split_sigmoid(scores)
    torch.testing.assert_close(objectness[..., None] * classes, scores)
    assert torch.equal(objectness, scores.amax(dim=2)) and objectness.max() <= 1


def test_the_product_is_the_softmax() -> None:
    logits, columns = torch.randn(2, 5, 6, dtype=torch.float64) * 4, torch.tensor([4, 1, 2])
    objectness, classes = split_softmax(logits, columns)
    torch.testing.assert_close(objectness[..., None] * classes, logits.softmax(dim=2)[..., columns])
    torch.testing.assert_close(classes.sum(dim=2), torch.ones(2, 5, dtype=torch.float64))
