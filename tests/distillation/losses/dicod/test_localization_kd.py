import pytest
import torch
from torch import Tensor

from diode_pl.distillation.losses.dicod.localization_kd import crop_distances, pooled_distance
from tests.distillation.losses.dicod.cases import CASES, close, inputs, toy

precisions = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
NAME = "KDloc_image_and_feature_terms"


def given(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images, predicted boxes, labeled boxes and image index of the case."""
    case = inputs(NAME, dtype)
    height, width = case["images"].shape[2:]
    found, wanted, index = [], [], []
    for image, (predicted, labeled) in enumerate(zip(case["pred_boxes"], case["target_boxes"], strict=True)):
        found, wanted, index = found + predicted, wanted + labeled, index + [image] * len(predicted)
    scale = torch.tensor([width, height] * 2, dtype=dtype)
    found, wanted = (torch.tensor(boxes, dtype=dtype) / scale for boxes in (found, wanted))
    return case["images"], found, wanted, torch.tensor(index)


def distances(images: Tensor, found: Tensor, wanted: Tensor, index: Tensor, chunk: int = 256) -> Tensor:
    case = CASES[NAME]["inputs"]
    pools = (case["pool_image"], case["pool_feature"])
    return crop_distances(images, found, wanted, index, toy(images.dtype).features, case["s"], *pools, chunk)


@precisions
@pytest.mark.parametrize("size", ["1", "2", "4"])
def test_pooling(dtype: torch.dtype, size: str) -> None:
    maps, expected = inputs("adaptive_avg_pool", dtype)["x"], CASES["adaptive_avg_pool"]["expected"][size]
    wanted = torch.tensor(expected, dtype=dtype)  # its own means already
    close(pooled_distance(maps[None], wanted[None], int(size)), [0.0], dtype)
    close(pooled_distance(maps[None], wanted[None] + 0.25, int(size)), [0.25], dtype)


@precisions
def test_image_and_feature_terms(dtype: torch.dtype) -> None:
    (images, found, wanted, index), expected = given(dtype), CASES[NAME]["expected"]
    terms = distances(images, found, wanted, index) / expected["K"]
    close(terms, [expected["image_term"], expected["feature_term"]], dtype)
    close(CASES[NAME]["inputs"]["lambda"] * terms.sum(), expected["total_release"], dtype)
    assert len(found) == expected["K"]
    close(distances(images, wanted, wanted, index), [expected["identical_boxes"]] * 2, dtype)
    close(distances(images, found[:0], wanted[:0], index[:0]), [expected["no_positives"]] * 2, dtype)


@precisions
@pytest.mark.parametrize("chunk", [256, 1])
def test_gradient_in_pixels(dtype: torch.dtype, chunk: int) -> None:
    images, found, wanted, index = given(dtype)
    expected = CASES["KDloc_gradient_wrt_predicted_boxes"]["expected"]
    scale = torch.tensor([images.shape[3], images.shape[2]] * 2, dtype=dtype)
    for parts, name in (([0], "image_term"), ([0, 1], "image_plus_feature_term")):
        boxes = found.clone().requires_grad_()
        (distances(images, boxes, wanted, index, chunk)[parts].sum() / len(boxes)).backward()
        close(boxes.grad / scale, expected[name], dtype, 1e-5 if dtype == torch.float64 else 5e-5)


def test_gradient_reaches_the_predicted_boxes_alone() -> None:
    images, found, wanted, index = (x.requires_grad_() if x.is_floating_point() else x for x in given(torch.float64))
    classifier = toy(torch.float64).requires_grad_(False)
    crop_distances(images, found, wanted, index, classifier.features, 8, 2, 4).sum().backward()
    assert bool(found.grad.any()) and images.grad is None and wanted.grad is None
    assert all(parameter.grad is None for parameter in classifier.parameters())


@pytest.mark.parametrize("chunk", [1, 3, 5])
def test_in_chunks_it_is_the_same(chunk: int) -> None:
    images, index = torch.rand(3, 3, 20, 20, dtype=torch.float64), torch.randint(0, 3, (7,))
    low = torch.rand(7, 2, dtype=torch.float64) / 2
    wanted = torch.cat([low, low + 0.4], dim=1)
    found = wanted + 0.1 * torch.randn(7, 4, dtype=torch.float64)
    whole, parts = found.clone().requires_grad_(), found.clone().requires_grad_()
    expected, chunked = distances(images, whole, wanted, index), distances(images, parts, wanted, index, chunk)
    torch.testing.assert_close(chunked, expected)
    expected.sum().backward()
    chunked.sum().backward()
    torch.testing.assert_close(parts.grad, whole.grad)


def test_chunks_keep_no_activations() -> None:
    images, index = torch.rand(1, 3, 20, 20), torch.zeros(8, dtype=torch.long)
    boxes = torch.tensor([[0.1, 0.1, 0.8, 0.8]]).repeat(8, 1).requires_grad_()
    kept = {}
    for chunk in (256, 1):
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t, s=sizes: s.append(t.numel()) or t, lambda t: t):
            distances(images, boxes, boxes.detach() / 2, index, chunk).sum()
        kept[chunk] = sum(sizes)
    assert kept[1] < kept[256] / 10


def test_layers_are_averaged_and_may_be_none() -> None:
    images, found, wanted, index = given(torch.float64)
    features = toy(torch.float64).features
    one = crop_distances(images, found, wanted, index, features, 8, 2, 4)
    three = crop_distances(images, found, wanted, index, lambda x: [*features(x), *features(x), 0 * x], 8, 2, 4)
    torch.testing.assert_close(three, torch.stack([one[0], one[1] * 2 / 3]))
    none = crop_distances(images, found, wanted, index, lambda x: [], 8, 2, 4)
    torch.testing.assert_close(none, torch.stack([one[0], one[1] * 0]))


def test_no_boxes_cost_nothing_and_keep_the_graph() -> None:
    images, found, wanted, index = given(torch.float32)
    found.requires_grad_()
    distances(images, found[:0], wanted[:0], index[:0]).sum().backward()
    assert found.grad is not None and not bool(found.grad.any())
