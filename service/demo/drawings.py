"""A section and a number -> a picture for a piece that has none: a print in five colours, as SVG.

The section says what is drawn and in which colours, the number how it lies; the same ones give the same picture.
"""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

WIDTH, HEIGHT = 1200, 800


class Inks(NamedTuple):
    """The colours of a print, from its ground to its darkest, and one that stands out."""

    ground: str
    pale: str
    middle: str
    dark: str
    spot: str


def draw(section: str, number: int) -> str:
    """Return the picture as SVG; sections that are not known here get the sea."""
    inks, motif = MOTIFS.get(section, (SEA, _sea))
    dice = Random(f"{section} {number}")  # noqa: S311 - what it decides is a drawing
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{inks.ground}"/>'
        f'<g transform="{dice.choice(("", f"translate({WIDTH}) scale(-1 1)"))}">{motif(inks, dice)}</g></svg>'
    )


def _circle(x: float, y: float, radius: float, fill: str) -> str:
    return f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{radius:.0f}" fill="{fill}"/>'


def _rings(x: float, y: float, radii: range, stroke: str, width: int) -> str:
    drawn = f'fill="none" stroke="{stroke}" stroke-width="{width}"'
    return "".join(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{radius}" {drawn}/>' for radius in radii)


def _box(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}" fill="{fill}"/>'


def _shape(path: str, fill: str) -> str:
    return f'<path d="{path}" fill="{fill}"/>'


def _line(path: str, stroke: str, width: int) -> str:
    return f'<path d="{path}" fill="none" stroke="{stroke}" stroke-width="{width}" stroke-linecap="round"/>'


def _waves(height: float, swell: float, fill: str, dice: Random, length: int = 200) -> str:
    """Return a sea up to a height."""
    shift = dice.uniform(0, length)
    crests = "".join(f" q {length / 2:.0f} {-swell:.0f} {length} 0" for _ in range(2 + WIDTH // length))
    return _shape(f"M {-shift:.0f} {height:.0f}{crests} V {HEIGHT} H {-shift:.0f} Z", fill)


def _hills(height: float, rise: float, fill: str, dice: Random) -> str:
    tops = [height - dice.uniform(0.3, 1) * rise for _ in range(3)]
    curves = f"C 200 {tops[0]:.0f} 300 {tops[0]:.0f} 450 {height:.0f} S 700 {tops[1]:.0f} 850 {height - rise / 3:.0f}"
    return _shape(f"M 0 {height:.0f} {curves} S 1050 {tops[2]:.0f} {WIDTH} {height:.0f} V {HEIGHT} H 0 Z", fill)


def _sea(inks: Inks, dice: Random) -> str:
    sun = _circle(dice.uniform(250, 950), dice.uniform(220, 340), dice.uniform(90, 130), inks.spot)
    heights = ((400, inks.pale), (500, inks.middle), (620, inks.dark))
    return sun + "".join(_waves(height, 40, fill, dice) for height, fill in heights)


def _science(inks: Inks, dice: Random) -> str:
    stars = ""
    for _ in range(60):
        stars += _circle(dice.uniform(0, WIDTH), dice.uniform(0, HEIGHT), dice.uniform(2, 5), inks.dark)
    x, y = dice.uniform(380, 820), dice.uniform(320, 430)
    shadow = _circle(x + dice.choice((-1, 1)) * dice.uniform(50, 90), y - 30, 160, inks.ground)
    moon = _circle(x, y, 170, inks.dark) + shadow
    planet = _circle(x + dice.choice((-380, 380)), y + dice.uniform(-60, 60), dice.uniform(26, 48), inks.spot)
    orbits = _rings(x, y, range(250, 1100, 130), inks.middle, 4)
    return stars + orbits + moon + planet + _waves(700, 30, inks.pale, dice)


def _environment(inks: Inks, dice: Random) -> str:
    sun = _circle(dice.uniform(250, 950), dice.uniform(180, 260), dice.uniform(80, 110), inks.spot)
    land = _hills(430, 220, inks.pale, dice) + _hills(520, 150, inks.middle, dice)
    water = _waves(610, 14, inks.dark, dice)
    for y in range(650, 800, 28):
        start = dice.uniform(0, 900)
        water += _line(f"M {start:.0f} {y} H {start + dice.uniform(120, 400):.0f}", inks.pale, 8)
    return sun + land + water


def _business(inks: Inks, dice: Random) -> str:
    colours = (inks.pale, inks.middle, inks.dark, inks.spot)
    boxes = ""
    for column in range(8):
        for level in range(dice.randint(1, 5)):
            boxes += _box(column * 150 + 6, 640 - level * 90, 138, 84, dice.choice(colours))
    x = dice.uniform(250, 650)
    crane = _box(x, 90, 26, 640, inks.dark) + _box(x - 190, 130, 620, 22, inks.dark)
    return crane + _line(f"M {x + 330:.0f} 140 V 330", inks.dark, 6) + boxes + _box(0, 724, WIDTH, 76, inks.dark)


def _politics(inks: Inks, dice: Random) -> str:
    left, count = dice.uniform(180, 300), dice.choice((5, 6, 7))
    width, top = WIDTH - 2 * left, dice.uniform(180, 230)
    step = width / count
    house = _box(left - 30, 360, width + 60, 280, inks.dark)
    house += _shape(f"M {left - 60:.0f} 360 L 600 {top:.0f} L {WIDTH - left + 60:.0f} 360 Z", inks.middle)
    for number in range(count):
        house += _box(left + number * step + step / 4, 400, step / 2, 240, inks.pale)
    for number in range(4):
        out = 40 + number * 40
        house += _box(left - out, 600 + out, width + 2 * out, 42, (inks.pale, inks.middle)[number % 2])
    return _circle(dice.uniform(200, 1000), 190, 90, inks.spot) + house


def _sport(inks: Inks, dice: Random) -> str:
    y = dice.uniform(700, 900)
    lanes = _circle(0, y, 1150, inks.middle) + _rings(0, y, range(320, 1200, 110), inks.pale, 10)
    ball = _circle(dice.uniform(760, 900), dice.uniform(190, 300), 90, inks.spot)
    return lanes + _circle(0, y, 260, inks.dark) + ball


def _travel(inks: Inks, dice: Random) -> str:
    sun = _circle(dice.uniform(300, 900), 250, 120, inks.spot)
    peaks = ""
    for low, high, fill in ((100, 350, inks.pale), (850, 1100, inks.pale), (500, 700, inks.middle)):
        x, top = dice.uniform(low, high), dice.uniform(180, 330)
        peaks += _shape(f"M {x - 330:.0f} 560 L {x:.0f} {top:.0f} L {x + 330:.0f} 560 Z", fill)
    bend = dice.uniform(-300, 300)
    there = f"M 500 800 C {600 + bend:.0f} 700 {600 - bend:.0f} 640 596 556 L 606 556"
    back = f"C {680 - bend:.0f} 640 {760 + bend:.0f} 700 760 800 Z"
    return sun + peaks + _box(0, 555, WIDTH, 245, inks.dark) + _shape(f"{there} {back}", inks.ground)


def _world(inks: Inks, dice: Random) -> str:
    x, y, radius = dice.uniform(480, 720), 420, 310
    globe = _circle(x, y, radius, inks.middle)
    for width in (108, 223):
        half = f'rx="{width}" ry="{radius}" fill="none" stroke="{inks.ground}" stroke-width="5"'
        globe += f'<ellipse cx="{x:.0f}" cy="{y}" {half}/>'
    for at in (-180, -90, 0, 90, 180):
        reach = (radius**2 - at**2) ** 0.5
        globe += _line(f"M {x - reach:.0f} {y + at} H {x + reach:.0f}", inks.ground, 5)
    turned = f'<g transform="rotate({dice.uniform(-25, 25):.0f} {x:.0f} {y})">{globe}</g>'
    start, end, rise = dice.uniform(500, 760), dice.uniform(300, 700), dice.uniform(0, 300)
    way = _line(f"M 0 {start:.0f} C 300 {rise:.0f} 800 {rise:.0f} {WIDTH} {end:.0f}", inks.spot, 14)
    return _circle(x, y, radius + 90, inks.pale) + turned + way


def _culture(inks: Inks, dice: Random) -> str:
    fills = (inks.pale, inks.middle, inks.dark, inks.spot)
    arches = ""
    for number in range(5):
        middle, width, top = 175 + number * 230, dice.uniform(170, 230), 170 + (number % 2) * 110
        for ring in range(4):
            half = width / 2 - ring * 26
            bow = f"a {half:.0f} {half:.0f} 0 0 1 {2 * half:.0f} 0"
            path = f"M {middle - half:.0f} {HEIGHT} V {top + ring * 40 + half:.0f} {bow} V {HEIGHT} Z"
            arches += _shape(path, fills[(number + ring + dice.randint(0, 1)) % 4])
    return arches


def _health(inks: Inks, dice: Random) -> str:
    cells = ""
    for row in range(5):
        for column in range(7):
            x, y = column * 190 + (row % 2) * 95, row * 170 + 60
            cells += _circle(x, y, dice.uniform(58, 84), dice.choice((inks.pale, inks.pale, inks.middle, inks.dark)))
            cells += _circle(x + dice.uniform(-20, 20), y + dice.uniform(-20, 20), dice.uniform(16, 28), inks.ground)
    return cells + _circle(dice.uniform(350, 850), dice.uniform(300, 500), 130, inks.spot)


def _technology(inks: Inks, dice: Random) -> str:
    wires = nodes = ""
    for y in range(90, HEIGHT, 125):
        x = dice.uniform(-80, 120)
        while x < WIDTH:
            step, drop = dice.choice((160, 240, 320)), dice.choice((-62, 0, 0, 62))
            path = f"M {x:.0f} {y} h {step / 2:.0f} l {abs(drop)} {drop} H {x + step:.0f}"
            wires += _line(path, dice.choice((inks.pale, inks.middle)), 10)
            nodes += _circle(x + step / 2, y, 17, dice.choice((inks.dark, inks.middle, inks.spot)))
            x += step
    left, top = dice.uniform(350, 650), dice.uniform(230, 350)
    chip = _box(left, top, 240, 240, inks.dark) + _box(left + 60, top + 60, 120, 120, inks.spot)
    return wires + nodes + chip


Motif = Callable[[Inks, Random], str]
SEA = Inks("#efe6d6", "#9db8bf", "#4f7f8c", "#23444f", "#e2934a")
MOTIFS: dict[str, tuple[Inks, Motif]] = {
    "business": (Inks("#f0e6d6", "#d3a77a", "#a4583c", "#43302b", "#2f6f7e"), _business),
    "culture": (Inks("#f3dfd8", "#dd9a8f", "#a23e5a", "#3f1d2e", "#f0b84b"), _culture),
    "environment": (Inks("#e6ecdd", "#a9c3a3", "#5e8c6a", "#2f4f3e", "#e7a13d"), _environment),
    "health": (Inks("#e3f0ec", "#9ccfc0", "#4d9c8a", "#1f4f48", "#e58a72"), _health),
    "politics": (Inks("#ebe6ee", "#c3b6d1", "#7d6b99", "#3a3153", "#d98e73"), _politics),
    "science": (Inks("#18223b", "#4a6fa5", "#33476f", "#f3ead7", "#e9b44c"), _science),
    "sport": (Inks("#f6d9c4", "#f7f3e9", "#d8683c", "#4a1f1a", "#f7f3e9"), _sport),
    "technology": (Inks("#e5e7f3", "#aab4dc", "#5f6fb4", "#23294f", "#58c4b0"), _technology),
    "travel": (Inks("#fbe3c0", "#f0a868", "#c8553d", "#5a3a3a", "#588b8b"), _travel),
    "world": (Inks("#e6eef0", "#b4d0da", "#4a7c94", "#1f3b4d", "#e6a23c"), _world),
}
