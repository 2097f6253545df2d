"""Objects of a teacher and queries of a student."""

import itertools

import torch
from torchvision.ops import box_convert, generalized_box_iou

from diode_pl.distillation.losses.assignment import assign_queries


def random_boxes(draw: torch.Generator, images: int, count: int) -> torch.Tensor:
    center, size = torch.rand(images, count, 2, generator=draw), torch.rand(images, count, 2, generator=draw) * 0.2
    return torch.cat([center - size / 2, center + size / 2 + 0.05], dim=2)


def test_the_cost_of_all_objects_is_the_least_of_all_ways() -> None:
    draw = torch.Generator().manual_seed(0)
    boxes, own = random_boxes(draw, 2, 3), random_boxes(draw, 2, 5)
    objectness, classes = torch.rand(2, 3, generator=draw) * 0.8 + 0.2, torch.rand(2, 3, 4, generator=draw)
    scores = torch.rand(2, 5, 4, generator=draw)
    match, wanted = assign_queries(boxes, objectness, classes, own, scores)
    for i in range(2):
        cost = torch.zeros(5, 3)
        for query, target in itertools.product(range(5), range(3)):
            a, b = own[i, query], boxes[i, target]
            p = classes[i, target] / classes[i, target].sum()
            distance = (box_convert(a, "xyxy", "cxcywh") - box_convert(b, "xyxy", "cxcywh")).abs().sum()
            overlap = generalized_box_iou(a[None], b[None])[0, 0]
            cost[query, target] = objectness[i, target] * (
                5 * distance - 2 * overlap - 2 * (scores[i, query] * p).sum()
            )
        ways = itertools.permutations(range(5), 3)
        best = min(ways, key=lambda way: float(sum(cost[query, target] for target, query in enumerate(way))))
        assert {q: int(match[i, q]) for q in range(5) if wanted[i, q] > 0} == {q: t for t, q in enumerate(best)}
        assert all(wanted[i, query] == objectness[i, target] for target, query in enumerate(best))


def test_candidates_of_one_object_are_one_and_those_of_another_class_are_not() -> None:
    box = torch.tensor([[0.2, 0.2, 0.6, 0.6], [0.21, 0.2, 0.6, 0.6], [0.2, 0.21, 0.6, 0.6], [0.8, 0.8, 0.9, 0.9]])
    classes = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    objectness = torch.tensor([0.7, 0.9, 0.5, 0.05])
    own = random_boxes(torch.Generator().manual_seed(1), 1, 6)
    match, wanted = assign_queries(box[None], objectness[None], classes[None], own, torch.rand(1, 6, 2))
    assert sorted(match[wanted > 0].tolist()) == [1, 2], "the best of each class; what is not sure is none"


def test_more_objects_than_queries_leave_the_least_sure_ones_out_and_none_are_none() -> None:
    boxes = random_boxes(torch.Generator().manual_seed(2), 1, 1).expand(1, 3, 4).clone()
    classes, own = torch.eye(3)[None], boxes[:, :2]
    match, wanted = assign_queries(boxes, torch.tensor([[0.9, 0.2, 0.8]]), classes, own, torch.full((1, 2, 3), 0.3))
    assert sorted(match[0].tolist()) == [0, 2] and sorted(wanted[0].tolist()) == [0.800000011920929, 0.8999999761581421]
    _, wanted = assign_queries(boxes, torch.zeros(1, 3), classes, own, torch.rand(1, 2, 3))
    assert not wanted.any()


def test_boxes_without_an_area_break_nothing() -> None:
    flat = torch.full((1, 2, 4), 0.5)
    match, wanted = assign_queries(flat, torch.ones(1, 2), torch.eye(2)[None], flat, torch.rand(1, 2, 2))
    assert sorted(match[0].tolist()) == [0, 1] and bool((wanted == 1).all())
