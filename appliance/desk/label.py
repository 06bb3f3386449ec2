"""Owns the label of a box: its address as a QR code and in words, its serial, its certificate.

62 mm wide and 46 mm high: a label printer's roll, or cut out of paper. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import segno

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH_MM, HEIGHT_MM = 62, 46
FIXED_ADDRESS = "169.254.77.7"
"""Where every box is found by a laptop that is plugged into its socket."""

_QR_MM = 25.0
_QUIET = 4  # modules of white around a QR code (ISO/IEC 18004)
_INK = "#111"
_BLANK = "_ " * 14
_NOT_A_DEVICE = "Transfers images. Not a medical device."


@dataclass(frozen=True, slots=True)
class Label:
    """What is printed."""

    serial: str
    hostname: str
    fingerprint: str = ""  # SHA-256, "AA:BB:..."; empty: to be written in by hand

    @property
    def address(self) -> str:
        """Of the page, as the QR code has it."""
        return f"https://{self.hostname}.local/"


def svg(label: Label) -> str:
    """The label at its true size."""
    shapes = "\n".join((_rim(), _qr(label.address), *_texts(label)))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH_MM}mm" \
height="{HEIGHT_MM}mm" viewBox="0 0 {WIDTH_MM} {HEIGHT_MM}" role="img" \
aria-label="{escape(label.address)}" font-family="'Liberation Sans', Arial, sans-serif">
{shapes}
</svg>
"""


def _rim() -> str:
    return (
        f'<rect x=".3" y=".3" width="{WIDTH_MM - 0.6}" height="{HEIGHT_MM - 0.6}" rx="2" '
        f'fill="#fff" stroke="{_INK}" stroke-width=".3"/>'
    )


def _qr(address: str) -> str:
    """The code, its modules as one path; read even where a seventh of it is gone (level M)."""
    rows = list(segno.make(address, error="m", micro=False).matrix)
    module = _QR_MM / (len(rows) + 2 * _QUIET)
    dark = "".join(
        f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, bit in enumerate(row) if bit
    )
    move = f"translate({1 + _QUIET * module:.3f} {1.5 + _QUIET * module:.3f}) scale({module:.4f})"
    return f'<path transform="{move}" d="{dark}" fill="{_INK}" shape-rendering="crispEdges"/>'


def _texts(label: Label) -> Iterator[str]:
    yield _text(27, 8, "Jembatan", 5.4, bold=True)
    yield _text(27, 12.6, "Scan to set up, or open", 2.5)
    yield _text(27, 16, "the address below.", 2.5)
    yield _text(27, 20.6, "By cable from a laptop:", 2.5)
    yield _text(27, 24.2, f"https://{FIXED_ADDRESS}", 2.5, bold=True)
    yield _text(3, 29.6, label.address.removesuffix("/"), 2.6, bold=True)
    yield _text(3, 33, f"Serial {label.serial or _BLANK}", 2.3)
    yield _text(3, 36.2, "Its certificate (SHA-256); compare before you trust it:", 2)
    for at, line in enumerate(_lines(label.fingerprint)):
        yield _text(3, 38.6 + 2.3 * at, line, 1.9, mono=True)
    yield _text(WIDTH_MM - 3, 44.6, _NOT_A_DEVICE, 1.6, end=True)


def _lines(fingerprint: str) -> tuple[str, ...]:
    parts = fingerprint.split(":") if fingerprint else []
    if not parts:
        return (_BLANK, _BLANK)
    half = len(parts) // 2
    return ":".join(parts[:half]), ":".join(parts[half:])


def _text(
    x: float,
    y: float,
    words: str,
    size_mm: float,
    *,
    bold: bool = False,
    mono: bool = False,
    end: bool = False,
) -> str:
    how = ' font-weight="700"' if bold else ""
    how += " font-family=\"'Liberation Mono', 'Courier New', monospace\"" if mono else ""
    how += ' text-anchor="end"' if end else ""
    return f'<text x="{x}" y="{y}" font-size="{size_mm}" fill="{_INK}"{how}>{escape(words)}</text>'
