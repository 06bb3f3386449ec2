"""Owns the wiring drawing: the header in the middle, every part at the height of its pins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw.generate import header, parts
from hw.generate.svg import (
    BLACK,
    BLUE,
    BROWN,
    GREEN,
    ORANGE,
    PINK,
    PURPLE,
    RED,
    SOFT,
    TEAL,
    YELLOW,
    box,
    disc,
    line,
    page,
    tag,
    text,
    wire,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.board.pins import Pins

_WIDTH, _HEIGHT = 780, 1400
_TOP, _STEP = 190, 50
_ODD, _EVEN = 366, 414
_BOARD = (258, 522)
_BOARD_GREEN = "#2f6b4f"
_TAG = 550
_TITLE = "What is wired to the header"
_MEANING = (
    "The 40-pin header of the Raspberry Pi with clock, lamps, power board, RS-232 plug, button "
    "and buzzer."
)
_FOOT = (
    "Pills with the same letter are one wire.",
    "The pins bear 3.3 V and no more: a modality's RS-232 has up to ±15 V",
    "and goes to the MAX3232 alone. No resistor may be left out.",
)


def wiring(pins: Pins) -> str:
    """The drawing of these pins, as SVG. Raises KeyError where a pin is not on the header."""
    return page(
        _WIDTH,
        _HEIGHT,
        _TITLE,
        _MEANING,
        text(20, 54, _TITLE, size=34, weight=700),
        text(20, 90, "Raspberry Pi from above, USB sockets at the bottom.", colour=SOFT, size=22),
        *_board(),
        *(each for at, ink in _colours(pins).items() for each in _wire(at, ink)),
        *_parts(pins),
        *_pins(_colours(pins)),
        *(text(20, 1296 + 30 * at, words, size=20) for at, words in enumerate(_FOOT)),
    )


def _wire(at: int, ink: str) -> Iterator[str]:
    """From a pin over the board to its edge, and on to its part."""
    (x, y), edge = _pin(at), _BOARD[0] if at % 2 else _BOARD[1]
    yield line(x, y, edge, y, ink, 4.5)
    yield wire(ink, (edge, y), (_end(at), y))


def _colours(pins: Pins) -> dict[int, str]:
    """The wires' colours by place."""
    supply = pins.supply
    bcm = {
        pins.lamps["green"]: GREEN,
        pins.lamps["yellow"]: YELLOW,
        pins.lamps["red"]: RED,
        pins.button: BROWN,
        pins.buzzer: BLUE,
        pins.power_fail: PINK,
        pins.power_hold: PURPLE,
        pins.clock_data: BLUE,
        pins.clock_clock: PURPLE,
        pins.serial_transmit: TEAL,
        pins.serial_receive: PINK,
    }
    inks = {"3v3": ORANGE, "5v": RED, "ground": BLACK}
    supplies = {at: inks[use.rpartition("_")[2]] for use, at in supply.items()}
    return {header.place(pin): ink for pin, ink in bcm.items()} | supplies


def _parts(pins: Pins) -> Iterator[str]:
    supply, place = pins.supply, header.place
    data, clock = place(pins.clock_data), place(pins.clock_clock)
    yield from parts.clock(
        (_y(supply["clock_3v3"]), _y(data), _y(clock), _y(supply["clock_ground"]))
    )
    lamps = {name: _y(place(pin)) for name, pin in pins.lamps.items()}
    yield from parts.lamps(lamps, _y(supply["lamps_ground"]))
    fail, hold = _y(place(pins.power_fail)), _y(place(pins.power_hold))
    yield from parts.power(fail, hold, _y(supply["power_ground"]))
    sent, received = _y(place(pins.serial_transmit)), _y(place(pins.serial_receive))
    yield from parts.serial(_y(supply["serial_ground"]), sent, received)
    yield from parts.button(_y(place(pins.button)))
    yield from parts.buzzer(_y(place(pins.buzzer)), _y(supply["buzzer_ground"]))
    for use, words, letter, to in (
        ("power_5v", "5 V", "C", "power"),
        ("buzzer_5v", "5 V", "B", "buzzer"),
    ):
        yield tag(_TAG, _y(supply[use]), words, RED, letter)
        yield text(_TAG + 104, _y(supply[use]) + 7, to, colour=SOFT)
    yield tag(parts.LEFT + 20, _y(supply["button_3v3"]), "3.3 V", ORANGE, "A", left=True)


def _board() -> Iterator[str]:
    left, right = _BOARD
    yield box(left, 130, right - left, 1105, fill=_BOARD_GREEN, rim="#234f3b", round_=18, thick=3)
    yield box(_ODD - 24, _TOP - 27, _EVEN - _ODD + 48, 19 * _STEP + 54, fill="#20242a", round_=8)
    middle = (left + right) / 2
    yield text(middle, 1222, "USB sockets ▼", colour="#d7e8de", anchor="middle")


def _pins(colours: dict[int, str]) -> Iterator[str]:
    for at in header.PLACES:
        (x, y), ink = _pin(at), colours.get(at)
        yield disc(x, y, 18, ink or "#59616b", "#f4f4f0" if ink else "#3d444c")
        yield text(x, y + 7, str(at), anchor="middle", colour="#fff" if ink else "#aeb6be")
        yield from _name(at, bold=ink is not None)


def _name(at: int, *, bold: bool) -> Iterator[str]:
    """What the place is called, over its wire."""
    name, y = header.name(at), _y(at)
    width = 11 * len(name) + 10
    x = _ODD - 26 - width if at % 2 else _EVEN + 26
    yield box(x, y - 14, width, 28, fill=_BOARD_GREEN, round_=4)
    colour, weight = ("#fff", 600) if bold else ("#9cc0ae", 400)
    yield text(x + width / 2, y + 7, name, anchor="middle", colour=colour, weight=weight, size=17)


def _pin(at: int) -> tuple[float, float]:
    return _ODD if at % 2 else _EVEN, _y(at)


def _y(at: int) -> float:
    return _TOP + (at - 1) // 2 * _STEP


def _end(at: int) -> float:
    """Where the wire of a place ends."""
    return parts.LEFT if at % 2 else parts.RIGHT
