"""Assignment of a teacher's objects to the queries of a student."""

import torch
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torchvision.ops import batched_nms, generalized_box_iou

_CONFIDENT = 0.1  # least objectness of an object
_SAME = 0.5  # overlap of candidates of a class that are one object
_CLASS, _DISTANCE, _OVERLAP = 2.0, 5.0, 2.0  # parts of the cost, as in the matcher of RT-DETR


@torch.no_grad()
def assign_queries(
    boxes: Float[Tensor, "n k 4"],
    objectness: Float[Tensor, "n k"],
    classes: Float[Tensor, "n k c"],
    own_boxes: Float[Tensor, "n m 4"],
    own_scores: Float[Tensor, "n m c"],
) -> tuple[Int[Tensor, "n m"], Float[Tensor, "n m"]]:
    """Gives each object of the teacher the query that suits it best, no query two of them.

    Objects are the teacher's confident candidates after non-maximum suppression per class, as a grid has many
    candidates of one object, and a set of queries is to have one. The assignment is that of least cost over all objects
    of an image (Hungarian algorithm): L1 distance of the boxes, GIoU and the score of the object's classes, each
    object weighted by its objectness. Triggers a device sync.

    Args:
        boxes, objectness, classes: the teacher's candidates: x1, y1, x2, y2 in units of the image, and probabilities.
        own_boxes: of the student's queries.
        own_scores: probability of each class, with that of an object.

    Returns:
        The candidate that each query learns from, and its target objectness, 0 for a query without an object.

    Source: Carion et al., ECCV 2020, section 3.1; the classes' probabilities in place of a label.
    """
    match = torch.zeros(own_boxes.shape[:2], dtype=torch.long, device=boxes.device)
    wanted = objectness.new_zeros(match.shape)
    for i in range(len(boxes)):
        (sure,) = torch.nonzero(objectness[i] > _CONFIDENT, as_tuple=True)
        labels = classes[i, sure].argmax(dim=1)
        # In float64, as suppression moves the classes apart by the largest coordinate.
        sure = sure[batched_nms(boxes[i, sure].double(), objectness[i, sure].double(), labels, _SAME)]
        given, own = boxes[i, sure], own_boxes[i]
        probability = classes[i, sure] / classes[i, sure].sum(dim=1, keepdim=True).clamp(min=1e-12)
        cost = _DISTANCE * torch.cdist(_center_form(own), _center_form(given), p=1)
        cost = cost - _OVERLAP * generalized_box_iou(own, given) - _CLASS * own_scores[i] @ probability.T
        cost = (cost * objectness[i, sure]).nan_to_num(nan=1e6)  # of two boxes without an area
        query, at = (torch.from_numpy(found).to(sure.device) for found in linear_sum_assignment(cost.cpu().numpy()))
        match[i, query], wanted[i, query] = sure[at], objectness[i, sure[at]]
    return match, wanted


def _center_form(boxes: Float[Tensor, "m 4"]) -> Float[Tensor, "m 4"]:
    return torch.cat([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], dim=1)
