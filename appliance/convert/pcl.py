"""Owns the text in PCL, the language of old laser printers: what is written where.

Pictures, macros, fonts of the device's own and HP-GL cannot be drawn here: such a report is
refused, not shown without them. Lines and shaded boxes carry no words and are left out, with a
note.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.convert.pages import (
    A4_PT,
    COURIER,
    COURIER_WIDTH,
    HELVETICA,
    MOST_PAGES,
    Page,
    Run,
)
from appliance.peek import Garbled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LINES_LEFT_OUT = "Lines and shaded boxes of the report are left out; its words are all there."

_ESC = 0x1B
_UEL = b"\x1b%-12345X"
_PJL_LINE = re.compile(rb"[\r\n]*@PJL[^\n]*\n?")
_HEAD = re.compile(rb"\x1b([!-/])([`-~]?)")
_PARAMETER = re.compile(rb"([+-]?[0-9]*\.?[0-9]*)([@-~])")
_LOWER = 0x60
_TEXT = re.compile(rb"[ -\x7e\x80-\xff]+")

_CHARSETS = {
    "(8U": "hp_roman8",
    "(0N": "latin-1",
    "(9U": "cp1252",
    "(19U": "cp1252",
    "(10U": "cp437",
    "(12U": "cp850",
    "(0U": "ascii",
    "(2N": "iso8859_2",
    "(9E": "cp1250",
    "(9R": "cp1251",
}
_MARGIN_PT, _TOP_PT = 18.0, 36.0
_INCH_PT = 72.0
_TAB = 8
_MOST_VALUE = 32_767  # of any command's number
_LARGEST_PT = 14_400  # a PDF's sheet (ISO 32000-1, annex C)
_PITCHES = {0: 10.0, 2: 16.67, 4: 12.0}
_LANDSCAPES = (1, 3)


class Printer:
    """Takes PCL and has pages; `notes` says what was left out."""

    def __init__(self, charset: str) -> None:
        """`charset` counts instead of any that the data name; "" for none."""
        self._given = charset
        self._acts: Mapping[str, Callable[[float], None]] = {
            "&lO": self._turn,
            "&aL": self._set_left,
            "&lH": lambda _: self._eject(),  # another tray is another sheet
            "&fS": self._stack,
        }
        self.pages: list[Page] = []
        self.notes: list[str] = []
        self._reset()

    def feed(self, content: bytes) -> None:
        """A whole job. Raises Garbled where it cannot be shown as it is, UnicodeDecodeError."""
        at = 0
        while at < len(content):
            if content.startswith(_UEL, at):
                at = self._left_language(content, at + len(_UEL))
            elif content[at] == _ESC:
                at = self._escape(content, at)
            elif text := _TEXT.match(content, at):
                self._print(text[0])
                at = text.end()
            else:
                self._control(content[at])
                at += 1
        self._eject()

    # Where and how

    def _reset(self) -> None:
        self._charset = self._given or "hp_roman8"
        self._pitch_pt, self._leading_pt, self._size_pt = 7.2, 12.0, 12.0
        self._is_proportional, self._ends_lines = False, 0
        self._dot_pt, self._decipoint_pt = _INCH_PT / 300, 0.1
        self._saved: list[tuple[float, float]] = []
        self._left_pt = _MARGIN_PT
        self._width_pt, self._height_pt = A4_PT
        self._new_page()

    def _new_page(self) -> None:
        self._page = Page(self._width_pt, self._height_pt)
        self._home()

    def _home(self) -> None:
        self._x_pt, self._y_pt = self._left_pt, _TOP_PT + self._leading_pt

    def _eject(self) -> None:
        if self._page.runs:
            self.pages.append(self._page)
            if max(self._page.sheet_pt) > _LARGEST_PT:
                raise Garbled(detail="it prints beyond the edge of any paper")
        if len(self.pages) > MOST_PAGES:
            raise Garbled(detail=f"it prints more than {MOST_PAGES} pages")
        self._new_page()

    def _turn(self, orientation: float) -> None:
        width, height = A4_PT
        turned = orientation in _LANDSCAPES
        self._eject()
        self._width_pt, self._height_pt = (height, width) if turned else (width, height)
        self._new_page()

    # What is printed

    def _print(self, content: bytes) -> None:
        text = content.decode(self._charset)
        size_pt = self._size_pt if self._is_proportional else self._pitch_pt / COURIER_WIDTH
        font = HELVETICA if self._is_proportional else COURIER
        if self._y_pt > self._page.height_pt:
            self._eject()
        if text.strip():
            self._page.runs.append(Run(self._x_pt, self._y_pt, text, size_pt, font))
        self._x_pt += len(text) * (size_pt / 2 if self._is_proportional else self._pitch_pt)

    def _control(self, byte: int) -> None:
        match byte:
            case 0x08:
                self._x_pt = max(self._x_pt - self._pitch_pt, self._left_pt)
            case 0x09:
                step = _TAB * self._pitch_pt
                self._x_pt = self._left_pt + ((self._x_pt - self._left_pt) // step + 1) * step
            case 0x0A | 0x0B:
                self._y_pt += self._leading_pt
                # By itself a line feed goes straight down; who wrote it meant a new line.
                self._x_pt = self._left_pt
            case 0x0C:
                self._eject()
            case 0x0D:
                self._x_pt = self._left_pt
                if self._ends_lines in {1, 3}:
                    self._y_pt += self._leading_pt
            case _:
                pass  # shifts between two fonts, and padding

    # Escape sequences

    def _left_language(self, content: bytes, at: int) -> int:
        while line := _PJL_LINE.match(content, at):
            at = line.end()
        return at

    def _escape(self, content: bytes, at: int) -> int:
        """Act on the sequence at `at`; where what follows it begins."""
        head = _HEAD.match(content, at)
        if head is None:
            self._short(content[at + 1 : at + 2])
            return at + 2
        at = head.end()
        while parameter := _PARAMETER.match(content, at):
            letter = parameter[2][0]
            final = chr(letter - 0x20 if letter >= _LOWER else letter)
            at = parameter.end()
            at = self._command(head[1] + head[2], parameter[1], final, content, at)
            if letter < _LOWER:
                return at
        raise Garbled(detail=f"there is a broken PCL command at byte {at}")

    def _short(self, letter: bytes) -> None:
        if letter == b"E":
            self._eject()
            self._reset()
        elif letter == b"=":
            self._y_pt += self._leading_pt / 2
        elif letter not in {b"9", b"Y", b"Z", b"z", b""}:
            detail = f"it holds a printer command (ESC {letter!r}) that is no PCL"
            raise Garbled(detail=detail.replace("b'", "'"))

    def _command(self, kind: bytes, number: bytes, final: str, content: bytes, at: int) -> int:
        key = kind.decode() + final
        said = float(number) if number.strip(b"+-.") else 0.0
        value = min(max(said, -_MOST_VALUE), _MOST_VALUE)
        if key == "&pX":
            text = content[at : at + max(int(value), 0)]
            self._print(text)
            return at + len(text)
        if key in _CANNOT and (value or key in _ALWAYS):
            raise Garbled(detail=f"it holds {_CANNOT[key]}, which cannot be drawn here")
        if key == "*cP":
            self.notes = [LINES_LEFT_OUT]
        elif key in _PLACES:
            self._move(key, value, relative=number[:1] in {b"+", b"-"})
        elif key in _MANNERS:
            name, made = _MANNERS[key]
            setattr(self, f"_{name}", made(value))
        elif key in self._acts:
            self._acts[key](value)
        elif len(kind) == 1 and kind == b"(":
            self._letters(f"({int(value)}{final}")
        return at + (max(int(value), 0) if final == "W" else 0)

    def _letters(self, name: str) -> None:
        if name[-1] not in "@X":
            self._charset = self._given or _CHARSETS.get(name, "ascii")

    def _move(self, key: str, value: float, *, relative: bool) -> None:
        axis, unit = _PLACES[key]
        amount = value * float(getattr(self, f"_{unit}"))
        if axis == "x":
            self._x_pt = max(amount + (self._x_pt if relative else self._left_pt), 0.0)
        else:
            origin = _TOP_PT + (self._leading_pt if key == "&aR" else 0.0)
            self._y_pt = max(amount + (self._y_pt if relative else origin), 0.0)

    def _stack(self, action: float) -> None:
        if action == 0:
            self._saved = [*self._saved[-19:], (self._x_pt, self._y_pt)]
        elif self._saved:
            self._x_pt, self._y_pt = self._saved.pop()

    def _set_left(self, column: float) -> None:
        self._left_pt = _MARGIN_PT + column * self._pitch_pt
        self._x_pt = max(self._x_pt, self._left_pt)


_CANNOT = {
    "*bW": "a picture",
    "*bV": "a picture",
    "*rA": "a picture",
    "(sW": "letters of its own",
    ")sW": "letters of its own",
    "&fX": "a macro",
    "%B": "drawings in HP-GL",
    "%C": "drawings in HP-GL",
}
_ALWAYS = frozenset({"*rA", "&fX", "%B", "%C"})

_PLACES = {
    "&aC": ("x", "pitch_pt"),
    "&aH": ("x", "decipoint_pt"),
    "*pX": ("x", "dot_pt"),
    "&aR": ("y", "leading_pt"),
    "&aV": ("y", "decipoint_pt"),
    "*pY": ("y", "dot_pt"),
}
"""Moves: along which axis, in which unit."""

_MANNERS: Mapping[str, tuple[str, Callable[[float], float]]] = {
    "&kH": ("pitch_pt", lambda value: max(value, 1) * 0.6),  # in 1/120 inch
    "&kS": ("pitch_pt", lambda value: _INCH_PT / _PITCHES.get(int(value), 10.0)),
    "(sH": ("pitch_pt", lambda value: _INCH_PT / max(value, 1)),
    "(sV": ("size_pt", lambda value: min(max(value, 3), 72)),
    "(sP": ("is_proportional", lambda value: value == 1),
    "&lC": ("leading_pt", lambda value: max(value, 1) * 1.5),  # in 1/48 inch
    "&lD": ("leading_pt", lambda value: _INCH_PT / max(value, 1)),
    "&uD": ("dot_pt", lambda value: _INCH_PT / max(value, 96)),
    "&kG": ("ends_lines", int),
}
"""Settings that last: what is set, and to what."""
