"""Eight objects of another domain, different from those of ``objects.py``."""

from diode_pl.shapes.form import Form, Paint, detail, hole, solid
from diode_pl.shapes.outline import arc, box, corners, ellipse, join, move, polar, ribbon, rotate, round_corners
from diode_pl.shapes.rng import PortableRandom


def leaf(rng: PortableRandom) -> Form:
    """A pointed blade with veins on a stalk."""
    w, tip = rng.uniform(0.42, 0.6), rng.uniform(0.25, 0.45)
    blade = corners((0, -1), (w * 1.3, tip - 0.35), (0, 0.75), (-w * 1.3, tip - 0.35))
    parts = [solid(ribbon(corners((0, 0.6), (0.04, 0.8), (0.12, 1)), 0.1), Paint.DARK)]
    parts.append(solid(round_corners(blade, (0.02, 0.5, 0.1, 0.5), 12)))
    parts.append(detail(ribbon(corners((0, 0.8), (0, 0), (0, -0.95)), 0.08, 0.02), Paint.LIGHT))
    for i in range(4):
        y = 0.55 - 0.33 * i
        for side in (-1, 1):
            vein = corners((0, y), (side * w * 0.5, y - 0.22), (side * w, y - 0.5))
            parts.append(detail(ribbon(vein, 0.045, 0.02), Paint.LIGHT))
    return parts


def heart(rng: PortableRandom) -> Form:
    """Two lobes and a point, with a gloss."""
    lobe, cleft = rng.uniform(0.48, 0.54), rng.uniform(-0.5, -0.35)
    right = join(arc(lobe, -0.35, lobe, 0.5, 200, 375, 18), corners((0.45, 0.5), (0, 0.95)))
    left = right[::-1][1:] * corners((-1, 1))
    parts = [solid(join(corners((0, cleft)), right, left))]
    parts.append(detail(move(rotate(ellipse(0, 0, 0.2, 0.1, 16), -35), -lobe - 0.1, -0.5), Paint.LIGHT))
    if rng.chance(0.5):
        parts.append(detail(ribbon(corners((-1, -0.1), (-0.2, 0.1), (0.3, 0.05), (1, -0.2)), rng.uniform(0.15, 0.3))))
    return parts


def bolt(rng: PortableRandom) -> Form:
    """A flash of lightning."""
    w, bend = rng.uniform(0.26, 0.36), rng.uniform(-0.05, 0.12)
    edge = corners((-0.05, -1), (w + 0.3, -1), (0.14, -0.2 + bend), (0.55, -0.2 + bend), (-0.4, 1), (-0.1, 0.12 + bend))
    edge = join(edge, corners((-0.55, 0.12 + bend)))
    inside = corners((0.05, -0.9), (w + 0.1, -0.9), (0, -0.12 + bend), (-0.4, 0.05 + bend))
    return [solid(edge), detail(inside, rng.pick((Paint.LIGHT, Paint.ACCENT)))]


def bottle(rng: PortableRandom) -> Form:
    """A neck, shoulders, a cork and a label."""
    w, neck, shoulder = rng.uniform(0.34, 0.44), rng.uniform(0.12, 0.17), rng.uniform(-0.4, -0.15)
    side = corners((neck, -0.8), (neck, shoulder - 0.1), (w, shoulder + 0.15), (w, 1))
    outline = join(side, side[::-1] * corners((-1, 1)))
    parts = [solid(box(-neck * 0.8, -1, neck * 0.8, -0.7), Paint.ACCENT)]
    parts.append(solid(round_corners(outline, (0, 0.3, 0.3, 0.12, 0.12, 0.3, 0.3, 0))))
    parts.append(solid(round_corners(box(-neck * 1.3, -0.85, neck * 1.3, -0.72), 0.2), Paint.DARK))
    low = rng.uniform(0.55, 0.75)
    parts.append(detail(box(-w, low - 0.5, w, low), Paint.LIGHT))
    parts.append(detail(ellipse(0, low - 0.25, 0.16), rng.pick((Paint.ACCENT, Paint.INK))))
    return [*parts, detail(ribbon(corners((w * 0.7, shoulder + 0.2), (w * 0.7, 0.9)), 0.06), Paint.LIGHT)]


def hourglass(rng: PortableRandom) -> Form:
    """Two bulbs between two plates, sand in both."""
    w, waist, level = rng.uniform(0.45, 0.58), rng.uniform(0.06, 0.1), rng.uniform(0.3, 0.65)
    side = corners((w, -0.85), (w, -0.5), (waist, -0.05), (waist, 0.05), (w, 0.5), (w, 0.85))
    parts = [solid(join(side, side[::-1] * corners((-1, 1))), Paint.LIGHT)]
    sand = corners((-w * 0.7, -level), (w * 0.7, -level), (waist * 0.6, 0), (-waist * 0.6, 0))
    parts.append(detail(sand, Paint.ACCENT))
    parts.append(detail(round_corners(corners((-w, 0.9), (0, 0.15), (w, 0.9)), (0, 0.3, 0)), Paint.ACCENT))
    plates = (round_corners(box(-w - 0.14, y - 0.1, w + 0.14, y + 0.1), 0.3) for y in (-0.9, 0.9))
    return [*parts, *map(solid, plates)]


def butterfly(rng: PortableRandom) -> Form:
    """Four wings, a body and feelers."""
    top, low = rng.uniform(0.55, 0.65), rng.uniform(0.35, 0.45)
    parts = []
    for side in (-1, 1):
        lower = move(rotate(ellipse(0, 0, low, low * 0.75), 50 * side), side * 0.42, 0.42)
        upper = move(rotate(ellipse(0, 0, top, top * 0.62), -40 * side), side * 0.52, -0.3)
        parts += [solid(lower, Paint.ACCENT), solid(upper)]
        for size, paint in ((0.17, Paint.INK), (0.09, Paint.LIGHT)):
            parts.append(detail(ellipse(side * 0.65, -0.42, size), paint))
        parts.append(detail(ellipse(side * 0.48, 0.5, 0.12), Paint.LIGHT))
        parts.append(solid(ribbon(corners((0, -0.4), (side * 0.12, -0.75), (side * 0.3, -1)), 0.06), Paint.DARK))
    return [*parts, solid(ellipse(0, 0.05, 0.11, 0.6), Paint.DARK)]


def cactus(rng: PortableRandom) -> Form:
    """A ribbed trunk with two arms in a pot."""
    w, thick = rng.uniform(0.2, 0.26), rng.uniform(0.2, 0.26)
    parts = []
    for side in (-1, 1):
        x, y, up = side * rng.uniform(0.6, 0.7), rng.uniform(-0.15, 0.2), rng.uniform(0.3, 0.5)
        path = join(corners((0, y), (x * 0.5, y)), corners((x, y), (x, y - 0.15), (x, y - up)))
        parts.append(solid(round_corners(ribbon(path, thick), 0.4)))
    parts.append(solid(round_corners(box(-w, -1, w, 0.7), (0.3, 0.3, 0, 0), 8)))
    parts += [detail(ribbon(corners((x, -0.85), (x, 0.6)), 0.05), Paint.DARK) for x in (-0.5 * w, 0, 0.5 * w)]
    pot = corners((-0.45, 0.5), (0.45, 0.5), (0.33, 1), (-0.33, 1))
    return [*parts, solid(pot, Paint.ACCENT), solid(box(-0.5, 0.42, 0.5, 0.58), Paint.ACCENT)]


def anchor(rng: PortableRandom) -> Form:
    """A ring, a stock, a shank and two flukes."""
    thick, reach, depth = rng.uniform(0.14, 0.19), rng.uniform(0.7, 0.82), rng.uniform(0.6, 0.72)
    parts = [solid(ellipse(0, -0.78, 0.24)), hole(ellipse(0, -0.78, 0.11))]
    parts.append(solid(ribbon(arc(0, 0.2, reach, depth, 15, 165, 20), thick)))
    for side, turn in ((1, 10), (-1, 170)):
        x, y = polar(1, turn)
        fluke = corners((-0.22, 0.1), (0, -0.32), (0.22, 0.1))
        parts.append(solid(move(rotate(fluke, side * 12), x * reach, 0.2 + y * depth)))
    parts.append(solid(box(-thick * 0.55, -0.6, thick * 0.55, 0.9)))
    stock = rng.uniform(0.38, 0.5)
    return [*parts, solid(round_corners(box(-stock, -0.48, stock, -0.3), 0.25), Paint.ACCENT)]


FAR_OBJECTS = {draw.__name__: draw for draw in (leaf, heart, bolt, bottle, hourglass, butterfly, cactus, anchor)}
