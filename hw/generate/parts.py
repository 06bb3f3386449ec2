"""Owns how each part beside the header looks. A part's wires end where its pins are in height."""

from __future__ import annotations

from hw.generate.svg import (
    BLACK,
    BLUE,
    BROWN,
    GREEN,
    INK,
    ORANGE,
    PINK,
    RED,
    SOFT,
    TEAL,
    YELLOW,
    box,
    disc,
    led,
    line,
    resistor,
    tag,
    text,
    wire,
)

LEFT = 222
RIGHT = 558
"""Where the wires of either side end."""

_EDGE = 20
_LAMPS = {
    "green": (GREEN, "#58d68d"),
    "yellow": (YELLOW, "#ffe066"),
    "red": (RED, "#ff7b6b"),
}


def clock(ys: tuple[float, float, float, float]) -> list[str]:
    """The module with the DS3231; its terminals are 3.3 V, data, clock, ground."""
    top, bottom = ys[0] - 24, ys[-1] + 20
    shapes = [box(_EDGE, top, LEFT - _EDGE, bottom - top, fill="#1f5fa8", rim="#174a85")]
    shapes += [box(38, top + 22, 92, 52, fill="#1b1e23", round_=5)]
    shapes += [text(84, top + 55, "DS3231", anchor="middle", colour="#e8eaee")]
    shapes += [
        disc(84, bottom - 68, 50, "#cfd4d9", "#9aa2aa", 3),
        disc(84, bottom - 68, 38, "#dde1e5"),
    ]
    shapes += [text(84, bottom - 61, "CR2032", anchor="middle", colour="#555d66")]
    for y, word in zip(ys, ("VCC", "SDA", "SCL", "GND"), strict=True):
        shapes += _terminal(LEFT, y, word)
    return [*shapes, text(_EDGE, top - 12, "Clock", weight=700)]


def lamps(ys: dict[str, float], ground_y: float) -> list[str]:
    """LEDs, each by 330 ohm; their short legs go to ground together."""
    bus = 42
    shapes = [wire(BLACK, (bus, min(ys.values())), (bus, ground_y), (LEFT, ground_y))]
    for name, y in ys.items():
        colour, glow = _LAMPS[name]
        shapes += [wire(BLACK, (bus, y), (88, y)), wire(colour, (112, y), (LEFT, y))]
        shapes += [resistor(176, y, "330"), led(100, y, colour, glow)]
    y = ground_y - 92
    shapes += [text(60, y, "Lamps", weight=700), text(60, y + 28, "330 Ω each;", colour=SOFT)]
    return [*shapes, text(60, y + 54, "short leg: ground", colour=SOFT)]


def power(fail: float, hold: float, ground: float) -> list[str]:
    """The board that keeps the power up for a clean end; between supply and box."""
    top, bottom = fail - 148, ground + 26
    shapes = [box(_EDGE, top, LEFT - _EDGE, bottom - top, fill="#3b4450", rim="#2b323b")]
    for x in (36, 92):
        shapes += [box(x, top + 96, 46, 100, fill="#2f7fb8", rim="#1f5f8f", round_=9)]
        shapes += [box(x + 34, top + 96, 9, 100, fill="#dfe9f1", round_=3)]
    shapes += [
        text(36, top + 34, "5 V in", colour="#fff"),
        text(36, bottom - 22, "supercaps", colour="#cfd6de"),
    ]
    for y, word in ((fail, "FAIL"), (hold, "HOLD"), (ground, "GND")):
        shapes += _terminal(LEFT, y, word)
    shapes += [line(64, top - 46, 64, top - 4, RED, 5)]
    shapes += [f'<path d="M55 {top - 14:g} L64 {top - 1:g} L73 {top - 14:g}" fill="{RED}"/>']
    shapes += [text(80, top - 44, "supply", colour=SOFT)]
    shapes += [
        text(154, top + 34, "out", colour="#fff"),
        line(196, top + 27, LEFT - 12, top + 27, RED, 4.5),
        line(LEFT - 12, top + 27, LEFT - 12, top - 6, RED, 4.5),
    ]
    shapes += [tag(LEFT - 92, top - 20, "5 V", RED, "C")]
    shapes += [tag(LEFT - 12, top + 70, "3.3 V", ORANGE, "A", left=True)]
    shapes += [text(_EDGE, bottom + 30, "Power board", weight=700)]
    return [*shapes, text(_EDGE, bottom + 58, "optional", colour=SOFT)]


def serial(ground: float, transmit: float, receive: float) -> list[str]:
    """The MAX3232 and the plug towards the modality, wired as a PC's (DTE)."""
    top, bottom, edge = ground - 28, receive + 84, 660
    shapes = [box(RIGHT, top, edge - RIGHT, bottom - top, fill="#1d7f6b", rim="#155f50")]
    supply = bottom - 32
    shapes += [line(RIGHT, supply, RIGHT - 22, supply, ORANGE, 4.5)]
    shapes += [line(RIGHT - 22, supply, RIGHT - 22, bottom + 30, ORANGE, 4.5)]
    shapes += [line(RIGHT - 22, bottom + 30, RIGHT, bottom + 30, ORANGE, 4.5)]
    for y, word in ((ground, "GND"), (transmit, "T in"), (receive, "R out"), (supply, "VCC")):
        shapes += [disc(RIGHT, y, 8, "#d9b44a", "#8f7325")]
        shapes += [text(RIGHT + 16, y + 7, word, colour="#fff")]
    shapes += [tag(RIGHT, bottom + 30, "3.3 V", ORANGE, "A")]
    shapes += _plug(
        700, ground + 4, {5: (ground, BLACK), 3: (transmit, TEAL), 2: (receive, PINK)}, edge
    )
    return [
        *shapes,
        text(RIGHT + 4, bottom + 76, "RS-232", weight=700),
        text(652, bottom + 76, "MAX3232", colour=SOFT),
    ]


def _plug(x: float, top: float, wires: dict[int, tuple[float, str]], edge: float) -> list[str]:
    """A nine-pin D plug from its front, on its side; pin 5 on top."""
    long, step = 176, 36
    shell = (
        f"M{x - 14:g} {top - 22:g} h22 q44 10 48 34 v{long - 44:g} q-4 24 -48 34 h-22 "
        f"q-12 0 -12 -14 v-{long - 4:g} q0 -14 12 -14 Z"
    )
    shapes = [f'<path d="{shell}" fill="#c7ccd1" stroke="#7f8890" stroke-width="2.5"/>']
    places = {pin: (x + 2, top + (5 - pin) * step) for pin in range(1, 6)}
    places |= {pin: (x + 36, top + 18 + (9 - pin) * step) for pin in range(6, 10)}
    for pin, (y, colour) in wires.items():
        at = places[pin]
        shapes.append(wire(colour, (edge, y), (edge + 10, y), (edge + 16, at[1]), at))
    for pin, (px, py) in places.items():
        used = wires.get(pin)
        shapes.append(disc(px, py, 13 if used else 7, used[1] if used else "#8f979e"))
        if used:
            shapes.append(text(px, py + 7, str(pin), anchor="middle", colour="#fff", weight=700))
    return shapes


def button(y: float) -> list[str]:
    """The button: to 3.3 V by 1 kilohm while it is pressed."""
    up = y - 108
    shapes = [wire(BROWN, (RIGHT, y), (604, y)), wire(ORANGE, (670, y), (728, y), (728, y - 26))]
    shapes += [disc(637, y, 36, "#3a424b", "#23292f", 3), disc(637, y, 25, "#8fa3b5", "#6c8092")]
    shapes += [disc(630, y - 8, 8, "#b9c8d5"), wire(ORANGE, (728, y - 70), (728, up))]
    shapes += [resistor(728, y - 54, "1k", upright=True)]
    shapes += [tag(764, up, "3.3 V", ORANGE, "A", left=True)]
    shapes += [text(RIGHT + 4, y - 52, "Button", weight=700)]
    return [*shapes, text(662, y - 44, "1 kΩ", colour=SOFT)]


def buzzer(y: float, ground: float) -> list[str]:
    """The buzzer, switched by a transistor."""
    x = 690
    shapes = [wire(BLUE, (RIGHT, y), (x - 36, y)), resistor(604, y, "1k")]
    shapes += [wire(BLACK, (RIGHT, ground), (x, ground), (x, y + 18))]
    shapes += [wire(SOFT, (x, y - 18), (x, y - 66))]
    shapes += [disc(x - 12, y, 30, "#fff", INK, 2.5), line(x - 22, y - 15, x - 22, y + 15)]
    shapes += [
        line(x - 36, y, x - 22, y),
        line(x - 22, y - 6, x, y - 20),
        line(x - 22, y + 6, x, y + 20),
    ]
    shapes += [f'<path d="M{x - 2:g} {y + 19:g} l-12 -1 l7 -9 Z" fill="{INK}"/>']
    up = y - 112
    shapes += [wire(RED, (x - 30, up + 30), (x - 30, up + 62), (640, up + 62))]
    shapes += [
        disc(x - 6, up, 50, "#23272c", "#0f1114", 3),
        disc(x - 6, up, 10, "#000", "#555", 2),
    ]
    shapes += [
        text(x - 36, up + 34, "+", colour="#fff", weight=700),
        text(x + 4, up + 34, "-", colour="#fff", weight=700),
    ]
    shapes += [tag(640, up + 62, "5 V", RED, "B", left=True)]
    return [
        *shapes,
        text(RIGHT + 4, up - 36, "Buzzer", weight=700),
        text(RIGHT + 4, y + 36, "1 kΩ", colour=SOFT),
        text(x + 30, y + 8, "NPN", colour=SOFT),
    ]


def _terminal(x: float, y: float, word: str) -> list[str]:
    words = text(x - 16, y + 7, word, anchor="end", colour="#fff")
    return [disc(x, y, 8, "#d9b44a", "#8f7325"), words]
