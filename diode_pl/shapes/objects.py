"""Eight objects of the embedded world, distinguished by shape and not by color."""

from dataclasses import replace
from itertools import pairwise

from diode_pl.shapes.form import Form, Paint, detail, hole, solid
from diode_pl.shapes.outline import arc, box, corners, ellipse, join, move, polar, radial, ribbon, rotate, round_corners
from diode_pl.shapes.rng import PortableRandom


def mug(rng: PortableRandom) -> Form:
    """A cup seen from above its rim, handle at the right."""
    w, h, taper, lip = rng.uniform(0.5, 0.62), rng.uniform(0.6, 0.8), rng.uniform(0, 0.14), rng.uniform(0.13, 0.2)
    reach, tall = rng.uniform(0.44, 0.58), rng.uniform(0.58, 0.7) * h
    handle = rng.uniform(-0.1, 0.05)
    body = round_corners(corners((-w, -h), (w, -h), (w - taper, h), (taper - w, h)), (0, 0, 0.16, 0.16))
    parts = [solid(ellipse(w - 0.06, handle, reach, tall)), hole(ellipse(w - 0.06, handle, reach * 0.56, tall * 0.56))]
    parts += [solid(body), solid(ellipse(0, -h, w, lip))]
    if rng.chance(0.6):  # a band around it, bent like the rim
        top, low = rng.uniform(-0.35, 0.1) * h, rng.uniform(0.25, 0.6) * h
        parts.append(detail(join(arc(0, top, w + 0.02, lip, 180, 0), arc(0, low, w + 0.02, lip, 0, 180))))
    else:
        parts.append(detail(ellipse(rng.uniform(-0.15, 0.05), lip, rng.uniform(0.18, 0.28))))
    filling = detail(ellipse(0, -h + lip * 0.25, w * 0.72, lip * 0.5), rng.pick((Paint.INK, Paint.ACCENT)))
    return [*parts, detail(ellipse(0, -h, w * 0.86, lip * 0.78), Paint.DARK), filling]


def key(rng: PortableRandom) -> Form:
    """A bow with an eye, a shaft, a bit of two or three teeth; rotated."""
    r, thick = rng.uniform(0.46, 0.54), rng.uniform(0.1, 0.14)
    sides = rng.pick((0, 4, 6))
    bow = round_corners(radial([r * 1.1] * sides), 0.3) if sides else ellipse(0, 0, r)
    bow = move(bow, -0.5, 0)
    parts = [solid(box(-0.3, -thick, 1, thick))]
    teeth, deep = 2 + rng.below(2), rng.uniform(0.3, 0.42)
    wide = 0.62 / (2 * teeth - 1)
    for i in range(teeth):
        x = 1 - (2 * i + 1) * wide
        parts.append(solid(box(x, 0, x + wide, thick + deep * rng.uniform(0.75, 1))))
    parts.append(detail(box(-0.1, -thick * 0.35, 0.96, thick * 0.1), Paint.LIGHT))
    parts += [solid(bow, rng.pick((Paint.BODY, Paint.ACCENT))), detail(ellipse(-0.5, 0, r * 0.72), Paint.DARK)]
    parts.append(hole(ellipse(-0.56, 0, r * rng.uniform(0.42, 0.55))))
    parts.append(solid(round_corners(box(-0.02, -thick * 1.7, 0.1, thick * 1.7), 0.2), Paint.ACCENT))
    lie = rng.uniform(-75, 15)
    return [replace(part, points=rotate(part.points, lie)) for part in parts]


def star(rng: PortableRandom) -> Form:
    """Five points, with facets or with a smaller star inside."""
    inner = rng.uniform(0.42, 0.54)
    outline = radial([1, inner] * 5)
    parts = [solid(round_corners(outline, (rng.uniform(0, 0.3), 0) * 5))]
    if rng.chance(0.6):
        for i in range(0, 10, 2):
            parts.append(detail(corners((0, 0), tuple(outline[i]), tuple(outline[(i + 1) % 10])), Paint.DARK))
            parts.append(detail(corners((0, 0), tuple(outline[i]), tuple(outline[i - 1])), Paint.LIGHT))
    else:
        parts.append(detail(round_corners(outline * rng.uniform(0.45, 0.65), (0.2, 0) * 5)))
    return parts


def crescent(rng: PortableRandom) -> Form:
    """A moon that opens to the right, with craters."""
    tips, belly = rng.uniform(38, 58), rng.uniform(-0.4, -0.15)
    c, s = polar(1, tips)
    parts = [solid(join(arc(0, 0, 1, 1, tips, 360 - tips, 32), arc(c, 0, c - belly, s, 270, 90, 20)))]
    parts.append(detail(join(arc(0, 0, 1, 1, 120, 240, 20), arc(-0.1, 0, 0.8, 0.9, 240, 120, 20)), Paint.LIGHT))
    for turn in (130, 165, 205, 235):
        if rng.chance(0.7):
            x, y = polar(rng.uniform(0.68, 0.78), turn + rng.uniform(-10, 10))
            size = rng.uniform(0.06, 0.13)
            parts.append(detail(ellipse(x, y, size), rng.pick((Paint.DARK, Paint.ACCENT))))
            parts.append(detail(ellipse(x + size * 0.25, y + size * 0.25, size * 0.6), Paint.BODY))
    return parts


def gear(rng: PortableRandom) -> Form:
    """A toothed wheel with a bore."""
    teeth, root = 7 + rng.below(4), rng.uniform(0.72, 0.8)
    step, flank = 360 / teeth, rng.uniform(0.16, 0.22)
    tooth = ((-0.25, root), (-flank, 1.0), (flank, 1.0), (0.25, root), (0.5, root))
    parts = [solid(corners(*(polar(radius, (i + at) * step) for i in range(teeth) for at, radius in tooth)))]
    bore = rng.uniform(0.2, 0.3)
    style = rng.below(3)
    if style == 0:  # a groove
        parts += [detail(ellipse(0, 0, root * 0.86), Paint.DARK), detail(ellipse(0, 0, root * 0.72), Paint.BODY)]
    elif style == 1:  # a plate
        parts += [detail(ellipse(0, 0, root * 0.8), Paint.ACCENT), detail(ellipse(0, 0, bore * 1.7), Paint.LIGHT)]
    else:  # lightening holes
        parts.append(detail(ellipse(0, 0, root * 0.84), Paint.LIGHT))
        count = 4 + rng.below(3)
        for i in range(count):
            parts.append(detail(ellipse(*polar(root * 0.58, 360 * i / count), 0.12, count=14), Paint.INK))
    return [*parts, hole(ellipse(0, 0, bore))]


def house(rng: PortableRandom) -> Form:
    """Walls, an overhanging roof, a chimney, a door and a window."""
    w, eaves, top = rng.uniform(0.58, 0.7), rng.uniform(-0.15, 0.05), rng.uniform(-1, -0.8)
    over, ridge = rng.uniform(0.14, 0.26), rng.pick((0.0, 0.0, 0.3))
    smoke = rng.uniform(0.25, 0.42)
    parts = [solid(box(smoke, top * 0.95, smoke + 0.2, eaves), Paint.DARK), solid(box(-w, eaves, w, 0.85))]
    roof = corners((-w - over, eaves + 0.06), (-ridge, top), (ridge, top), (w + over, eaves + 0.06))
    parts.append(solid(roof, rng.pick((Paint.ACCENT, Paint.DARK))))
    door = rng.uniform(-0.42, -0.3)
    parts.append(detail(round_corners(box(door - 0.17, 0.28, door + 0.17, 0.9), (0.2, 0.2, 0, 0)), Paint.INK))
    parts.append(detail(ellipse(door + 0.1, 0.6, 0.035, count=8), Paint.LIGHT))
    x, y, half = rng.uniform(0.22, 0.3), rng.uniform(0.35, 0.42), rng.uniform(0.17, 0.22)
    for across, down, paint in ((half, half, Paint.LIGHT), (0.03, half, Paint.INK), (half, 0.03, Paint.INK)):
        parts.append(detail(box(x - across, y - down, x + across, y + down), paint))
    if rng.chance(0.5):
        parts.append(detail(ellipse(0, (top + eaves) * 0.4, 0.13), Paint.LIGHT))
    return parts


def fish(rng: PortableRandom) -> Form:
    """Facing right: fins, forked tail, an eye and stripes."""
    h, back, tail = rng.uniform(0.46, 0.6), rng.uniform(0.72, 0.82), rng.uniform(0.45, 0.6)
    fork, fin = corners((-0.45, 0), (-1, -tail), (-0.82, 0), (-1, tail)), rng.uniform(0.25, 0.4)
    top = corners((0.35, -h * 0.6), (-0.25, -h - fin), (-0.4, -h * 0.4))
    low = corners((0.1, h * 0.7), (-0.25, h + fin * 0.7), (-0.2, h * 0.6))
    parts = [solid(round_corners(fork, (0, 0.15, 0.2, 0.15)), rng.pick((Paint.ACCENT, Paint.DARK)))]
    parts += [solid(round_corners(top, (0, 0.2, 0)), Paint.DARK), solid(low, Paint.DARK)]
    parts.append(solid(join(arc(0.2, 0, 0.75, h, -90, 90), arc(0.2, 0, back, h, 90, 270))))
    belly = join(arc(0.2, 0, 0.72, h * 0.95, 20, 160), arc(0.2, h * 0.3, 0.6, h * 0.3, 160, 20))
    parts.append(detail(belly, Paint.LIGHT))
    for i in range(1 + rng.below(3)):
        x = 0.05 - 0.24 * (i + rng.uniform(0, 0.3))
        parts.append(detail(ribbon(arc(x, 0, 0.15, h, -90, 90, 10), 0.1)))
    parts.append(detail(ribbon(arc(0.35, 0, 0.14, h * 0.6, -90, 90, 10), 0.06), Paint.DARK))
    parts.append(detail(ellipse(0.65, -h * 0.25, 0.13), Paint.LIGHT))
    return [*parts, detail(ellipse(0.68, -h * 0.25, 0.075), Paint.INK)]


def umbrella(rng: PortableRandom) -> Form:
    """An open canopy of gores on a hooked stick."""
    gores, high, bow = 3 + rng.below(3), rng.uniform(0.75, 0.95), rng.uniform(0.08, 0.16)
    thick, low, hook = rng.uniform(0.09, 0.13), rng.uniform(0.6, 0.75), rng.uniform(0.16, 0.22)
    stick = join(corners((0, -high - 0.15), (0, -0.2), (0, low * 0.6)), arc(hook, low, hook, hook, 180, 20, 10))
    parts = [solid(ribbon(stick, thick), rng.pick((Paint.DARK, Paint.ACCENT)))]
    ends = [1 - 2 * i / gores for i in range(gores + 1)]
    hem = [arc((a + b) / 2, 0, (a - b) / 2, bow, 0, -180, 9) for a, b in pairwise(ends)]
    parts.append(solid(join(arc(0, 0, 1, high, 180, 360, 28), *hem)))
    for i, (a, b) in enumerate(pairwise(ends)):
        gore = join(arc(0, 0, a, high, 0, -90, 10), arc(0, 0, b, high, -90, 0, 10), hem[i][::-1])
        parts.append(detail(gore, (Paint.ACCENT, Paint.BODY)[i % 2]))
        parts.append(detail(ribbon(arc(0, 0, b, high, -90, 0, 10), 0.035), Paint.DARK))
    return parts


OBJECTS = {draw.__name__: draw for draw in (mug, key, star, crescent, gear, house, fish, umbrella)}
