import itertools
import math
from contextlib import nullcontext

import pytest
import torch
from torch import Tensor

from diode_pl.detector.darknet.yolo_loss import YoloLoss, YoloOutputs, yolo_box
from diode_pl.targets import Targets

SIZE = (64, 96)  # height, width
ANCHORS = [torch.tensor([[30.0, 40.0], [60.0, 20.0]]), torch.tensor([[8.0, 10.0], [20.0, 12.0]])]
GRIDS = [(2, 3), (4, 6)]
SCALES_XY = [1.0, 1.2]
CLASSES = 3


def random_heads(images: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(images, 2, ny, nx, 5 + CLASSES, generator=generator, dtype=dtype) for ny, nx in GRIDS]


def some_targets(dtype: torch.dtype = torch.float64) -> Targets:
    boxes = torch.tensor(
        [
            [0.1, 0.2, 0.4, 0.8],
            [0.5, 0.1, 0.7, 0.3],
            [0.52, 0.12, 0.7, 0.3],  # the same cell as the one before
            [0.0, 0.0, 1.0, 1.0],
            [0.9, 0.8, 1.0, 1.0],
            [0.2, 0.2, 0.21, 0.21],  # fits no anchor
        ],
        dtype=dtype,
    )
    return Targets(boxes, torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([0, 0, 0, 1, 2, 2]), 3)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def entropy(logit: float, wanted: float) -> float:
    return -math.log(sigmoid(logit)) if wanted else -math.log(1 - sigmoid(logit))


def giou_of_corners(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    def area(x1: float, y1: float, x2: float, y2: float) -> float:
        return max(0.0, x2 - x1) * max(0.0, y2 - y1)

    inner = area(max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))
    outer = area(min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
    union = area(*a) + area(*b) - inner
    return inner / union - (outer - union) / outer


def slow_loss(heads: list[Tensor], targets: Targets, threshold: float) -> dict[str, float]:
    """One box, one anchor, one cell at a time, in pixels."""
    height, width = SIZE
    total = {"box": 0.0, "class": 0.0, "objectness": 0.0}
    for head, anchors, scale in zip(heads, ANCHORS, SCALES_XY, strict=True):
        images, count, ny, nx, _ = head.shape
        box, classes, occupied = [], [], set()
        for t, a in itertools.product(range(len(targets)), range(count)):
            x1, y1, x2, y2 = targets.boxes[t].tolist()
            w, h, (aw, ah) = (x2 - x1) * width, (y2 - y1) * height, anchors[a].tolist()
            inner = min(w, aw) * min(h, ah)
            if not targets.valid[t] or inner / (w * h + aw * ah - inner) <= threshold:
                continue
            i = int(targets.image_index[t])
            cx, cy = min(int((x1 + x2) / 2 * nx), nx - 1), min(int((y1 + y2) / 2 * ny), ny - 1)
            tx, ty, tw, th, _, *logits = head[i, a, cy, cx].tolist()
            px = (cx + sigmoid(tx) * scale - (scale - 1) / 2) * width / nx
            py = (cy + sigmoid(ty) * scale - (scale - 1) / 2) * height / ny
            pw, ph = math.exp(tw) * aw, math.exp(th) * ah
            truth = (x1 * width, y1 * height, x2 * width, y2 * height)
            box.append(1 - giou_of_corners((px - pw / 2, py - ph / 2, px + pw / 2, py + ph / 2), truth))
            classes += [entropy(logit, c == int(targets.labels[t])) for c, logit in enumerate(logits)]
            occupied.add((i, a, cy, cx))
        cells = list(itertools.product(range(images), range(count), range(ny), range(nx)))
        total["box"] += 3.54 * sum(box) / max(len(box), 1)
        total["class"] += 37.4 * sum(classes) / max(len(classes), 1)
        total["objectness"] += 64.3 * sum(entropy(float(head[c][4]), c in occupied) for c in cells) / len(cells)
    return total


def loss(heads: list[Tensor], targets: Targets, **options: float) -> dict[str, Tensor]:
    return YoloLoss(**options)(YoloOutputs(heads, ANCHORS, SCALES_XY, SIZE), targets)


@pytest.mark.parametrize("threshold", [0.0, 0.225, 0.6])
@pytest.mark.parametrize("seed", [0, 1])
def test_equals_the_slow_loss(threshold: float, seed: int) -> None:
    heads, targets = random_heads(3, seed), some_targets()
    ours, slow = loss(heads, targets, anchor_threshold=threshold), slow_loss(heads, targets, threshold)
    assert ours.keys() == slow.keys()
    for name in slow:
        assert ours[name].item() == pytest.approx(slow[name], rel=1e-9), name


def test_gains_scale_their_terms() -> None:
    heads, targets = random_heads(3), some_targets()
    plain = loss(heads, targets)
    scaled = loss(heads, targets, box_gain=7.08, class_gain=0.0, objectness_gain=64.3)
    assert scaled["box"].item() == pytest.approx(2 * plain["box"].item())
    assert scaled["class"] == 0
    assert scaled["objectness"] == plain["objectness"]


def test_gradient_in_float64() -> None:
    heads = [head.requires_grad_() for head in random_heads(2)]
    targets = some_targets().keep(torch.tensor([True, True, True, True, False, False]))
    targets = Targets(targets.boxes[:4], targets.labels[:4], targets.image_index[:4], 2)
    assert torch.autograd.gradcheck(lambda *h: tuple(loss(list(h), targets).values()), heads, fast_mode=True)


def test_perfect_prediction_costs_nothing() -> None:
    heads = [torch.full_like(head, -40.0) for head in random_heads(1)]
    for head in heads:
        head[..., :4] = 0  # in the middle of the cell, as large as the anchor
    heads[0][0, 0, 1, 1, 4] = heads[0][0, 0, 1, 1, 6] = 40.0
    box = torch.tensor([[48 - 15.0, 48 - 20.0, 48 + 15.0, 48 + 20.0]], dtype=torch.float64)
    box /= torch.tensor([96.0, 64.0, 96.0, 64.0], dtype=torch.float64)
    targets = Targets(box, torch.tensor([1]), torch.tensor([0]), 1)
    for name, term in loss(heads, targets, anchor_threshold=0.9).items():
        assert term.item() == pytest.approx(0, abs=1e-9), name


def test_no_target() -> None:
    heads = [head.requires_grad_() for head in random_heads(2)]
    none = Targets(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long), 2)
    terms = loss(heads, none)
    assert terms["box"] == 0 and terms["class"] == 0
    assert terms["objectness"].item() == pytest.approx(
        slow_loss([head.detach() for head in heads], none, 0.225)["objectness"]
    )
    sum(terms.values()).backward()
    assert all(bool(head.grad.isfinite().all()) and not head.grad[..., :4].any() for head in heads)


@pytest.mark.parametrize("rubbish", [0.0, 7.0, -3.0, math.nan, math.inf])
def test_targets_that_are_switched_off_count_for_nothing(rubbish: float) -> None:
    targets, heads = some_targets(), [head.requires_grad_() for head in random_heads(3)]
    extended = Targets(
        torch.cat([targets.boxes, torch.full((2, 4), rubbish, dtype=torch.float64)]),
        torch.cat([targets.labels, torch.tensor([-1, 99])]),
        torch.cat([targets.image_index, torch.tensor([0, 2])]),
        3,
        torch.tensor([True] * 6 + [False] * 2),
    )
    expected, found = loss(heads, targets), loss(heads, extended)
    for name in expected:
        assert found[name].item() == pytest.approx(expected[name].item(), rel=1e-12)
    sum(found.values()).backward()
    assert all(bool(head.grad.isfinite().all()) for head in heads)


def test_a_batch_twice_costs_the_same() -> None:
    heads, one = random_heads(3), some_targets()
    two = Targets(one.boxes.repeat(2, 1), one.labels.repeat(2), torch.cat([one.image_index, one.image_index + 3]), 6)
    single, double = loss(heads, one), loss([torch.cat([head, head]) for head in heads], two)
    for name in single:
        assert double[name].item() == pytest.approx(single[name].item(), rel=1e-12)


def test_images_of_a_batch_do_not_mix() -> None:
    heads, targets = [head.requires_grad_() for head in random_heads(3)], some_targets()
    loss(heads, targets)["box"].backward()
    only_first = targets.keep(targets.image_index == 0)
    again = [head.detach().clone().requires_grad_() for head in heads]
    loss(again, only_first)["box"].backward()
    for head, other in zip(heads, again, strict=True):
        assert not other.grad[1:].any()
        # Means run over the matches of the whole batch, so the first image's gradient differs by one factor only.
        where = other.grad[0].abs() > 1e-12
        ratio = head.grad[0][where] / other.grad[0][where]
        torch.testing.assert_close(ratio, ratio[:1].expand_as(ratio))


@pytest.mark.parametrize("center", [(1.0, 1.0), (0.0, 1.0), (1.2, -0.3)])
def test_centers_on_the_rim_stay_in_the_grid(center: tuple[float, float]) -> None:
    x, y = center
    box = torch.tensor([[x - 0.15, y - 0.3, x + 0.15, y + 0.3]], dtype=torch.float64)
    terms = loss(random_heads(1), Targets(box, torch.tensor([0]), torch.tensor([0]), 1))
    assert all(bool(term.isfinite()) for term in terms.values()) and terms["box"] > 0


def test_extreme_logits_stay_finite() -> None:
    for value in (-1e4, 1e4):
        heads = [torch.full_like(head, value, dtype=torch.float32).requires_grad_() for head in random_heads(3)]
        terms = loss(heads, some_targets(torch.float32))
        sum(terms.values()).backward()
        assert all(bool(term.isfinite()) for term in terms.values())
        assert all(bool(head.grad.isfinite().all()) for head in heads)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_heads_are_computed_in_float32(dtype: torch.dtype) -> None:
    heads, targets = [head.to(dtype) for head in random_heads(3)], some_targets(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        terms = loss(heads, targets)
    for name, term in loss([head.float() for head in heads], targets).items():
        assert terms[name].dtype == torch.float32
        torch.testing.assert_close(terms[name], term, rtol=1e-6, atol=1e-6)


def test_nothing_waits_for_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors on the meta device have no data: whatever asks for a value or a shape that depends on one raises."""
    monkeypatch.setattr(torch, "autocast", lambda **_: nullcontext())  # does not know that device
    heads = [head.to("meta").requires_grad_() for head in random_heads(3)]
    anchors = [anchor.to("meta") for anchor in ANCHORS]
    with torch.device("meta"):
        terms = YoloLoss()(YoloOutputs(heads, anchors, SCALES_XY, SIZE), some_targets().to("meta"))
        sum(terms.values()).backward()
    assert all(term.shape == () for term in terms.values())


@pytest.mark.parametrize(
    "options", [{"box_gain": -1.0}, {"class_gain": -1.0}, {"objectness_gain": -0.1}, {"anchor_threshold": 1.0}]
)
def test_bad_options(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(options)).split("_")[0]):
        YoloLoss(**options)


def test_box_of_known_numbers() -> None:
    raw = torch.tensor([[0.0, 0.0, 0.0, math.log(2)], [40.0, -40.0, math.log(3), 0.0]])
    anchors = torch.tensor([2.0, 5.0])
    torch.testing.assert_close(yolo_box(raw, anchors, 1.0), torch.tensor([[0.5, 0.5, 2, 10], [1.0, 0.0, 6, 5]]))
    torch.testing.assert_close(yolo_box(raw, anchors, 1.2)[:, :2], torch.tensor([[0.5, 0.5], [1.1, -0.1]]))
