"""Owns how things are drawn: the few shapes and colours that the drawings are made of."""

from __future__ import annotations

from html import escape

INK = "#23303a"
PAPER = "#fbfaf6"
SOFT = "#5d6b76"
BLACK = "#2b2f36"
RED = "#cf3a2f"
ORANGE = "#e0861a"
GREEN = "#2c9a55"
YELLOW = "#d7a200"
BLUE = "#2b6cb0"
PURPLE = "#7b4bb3"
TEAL = "#0a8a8a"
PINK = "#b8478c"
BROWN = "#8a5a2b"

_BANDS = {
    "330": ("#e0861a", "#e0861a", "#7a4a20"),
    "1k": ("#7a4a20", "#1d1d1d", "#c4281c"),
    "10k": ("#7a4a20", "#1d1d1d", "#e0861a"),
}
"""The coloured rings of a resistor (IEC 60062); the fourth, gold, is 5 %."""


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: int = 20,
    anchor: str = "start",
    colour: str = INK,
    weight: int = 400,
) -> str:
    """Words whose line stands at `y`."""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}" fill="{colour}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )


def wire(colour: str, *points: tuple[float, float]) -> str:
    """A wire by way of points, with a rim of paper so that crossings can be told."""
    path = "M" + " L".join(f"{x:g} {y:g}" for x, y in points)
    line = f'<path d="{path}" fill="none" stroke-linejoin="round"'
    return (
        f'{line} stroke="{PAPER}" stroke-width="9"/>'
        f'{line} stroke-linecap="round" stroke="{colour}" stroke-width="4.5"/>'
    )


def box(  # noqa: PLR0913 - what a box has
    x: float,
    y: float,
    width: float,
    height: float,
    *,
    fill: str,
    rim: str = "none",
    round_: float = 12,
    thick: float = 2,
) -> str:
    """A rectangle with round corners."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{round_:g}" '
        f'fill="{fill}" stroke="{rim}" stroke-width="{thick:g}"/>'
    )


def disc(x: float, y: float, radius: float, fill: str, rim: str = "none", thick: float = 2) -> str:
    """A filled circle."""
    return (
        f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{fill}" stroke="{rim}" '
        f'stroke-width="{thick:g}"/>'
    )


def line(x1: float, y1: float, x2: float, y2: float, colour: str = INK, thick: float = 4) -> str:
    """A straight stroke."""
    return (
        f'<path d="M{x1:g} {y1:g} L{x2:g} {y2:g}" stroke="{colour}" stroke-width="{thick:g}" '
        'stroke-linecap="round" fill="none"/>'
    )


def resistor(x: float, y: float, ohms: str, *, upright: bool = False) -> str:
    """A resistor about its centre, with its rings; 56 long."""
    rings = zip((-15, -5, 5), _BANDS[ohms], strict=True)
    body = [box(-28, -9, 56, 18, fill="#ead9b5", rim="#a58b57", round_=9, thick=1.5)]
    body += [
        f'<rect x="{at - 2.5}" y="-9" width="5" height="18" fill="{ink}"/>' for at, ink in rings
    ]
    body += ['<rect x="14" y="-9" width="4" height="18" fill="#c9a227"/>']
    turn = " rotate(90)" if upright else ""
    return f'<g transform="translate({x:g} {y:g}){turn}">{"".join(body)}</g>'


def led(x: float, y: float, colour: str, glow: str) -> str:
    """A round LED from above, its flat side (the short leg, ground) to the left."""
    return (
        f'<path d="M{x - 15:g} {y - 14:g} A20 20 0 1 1 {x - 15:g} {y + 14:g} Z" '
        f'fill="{colour}" stroke="{INK}" stroke-width="2" stroke-linejoin="round"/>'
        f'<circle cx="{x:g}" cy="{y:g}" r="12" fill="{glow}"/>'
        f'<circle cx="{x - 4:g}" cy="{y - 5:g}" r="3.5" fill="#fff" opacity=".85"/>'
    )


def tag(x: float, y: float, words: str, colour: str, letter: str, *, left: bool = False) -> str:
    """A pill that stands for the rest of a wire; its end is at (x, y), it lies to the right."""
    width = _tag_width(words)
    start = x - width if left else x
    return (
        box(start, y - 17, width, 34, fill=colour, round_=17)
        + text(start + 14, y + 7, words, colour="#fff", weight=600)
        + disc(start + width - 18, y, 13, "#fff")
        + text(start + width - 18, y + 7, letter, anchor="middle", colour=colour, weight=700)
    )


def _tag_width(words: str) -> float:
    return 56 + 12 * len(words)


def page(width: int, height: int, title: str, meaning: str, *content: str) -> str:
    """A whole drawing; `meaning` is for those who have it read to them."""
    shapes = "\n".join(content)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" \
aria-labelledby="title meaning" font-family="'Segoe UI', Roboto, 'Helvetica Neue', Arial, \
sans-serif">
<title id="title">{escape(title)}</title>
<desc id="meaning">{escape(meaning)}</desc>
<rect width="{width}" height="{height}" fill="{PAPER}"/>
{shapes}
</svg>
"""
