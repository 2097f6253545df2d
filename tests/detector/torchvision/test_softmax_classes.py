import torch

from diode_pl.detector.torchvision.softmax_classes import of_logits


def test_the_product_is_the_softmax() -> None:
    logits, columns = torch.randn(2, 5, 6, dtype=torch.float64) * 4, torch.tensor([4, 1, 2])
    objectness, classes = of_logits(logits, columns)
    torch.testing.assert_close(objectness[..., None] * classes, logits.softmax(dim=2)[..., columns])
    torch.testing.assert_close(classes.sum(dim=2), torch.ones(2, 5, dtype=torch.float64))
