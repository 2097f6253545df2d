import torch
from diode_pl.detector.torchvision.sigmoid_classes import of_scores


def test_the_product_is_the_score_and_an_object_as_likely_as_its_likeliest_class() -> None:
    scores = torch.rand(2, 5, 3, dtype=torch.float64)
    scores[0, 0] = 0
    objectness, classes = of_scores(scores)
    torch.testing.assert_close(objectness[..., None] * classes, scores)
    assert objectness.equal(scores.amax(dim=2)) and classes.max() == 1 and not classes[0, 0].any()
