"""Owns printed pages, and writing them as PDF: the same pages are the same bytes, always.

The fonts are two of the fourteen that every reader has (ISO 32000-1, 9.6.2.2), so none is
embedded; their letters are those of Windows-1252.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

A4_PT = (595.0, 842.0)
COURIER, HELVETICA = "F1", "F2"
COURIER_WIDTH = 0.6  # of its size, each letter

_LETTERS = "cp1252"
_FONTS = {COURIER: "Courier", HELVETICA: "Helvetica"}
_CATALOGUE, _TREE, _FIRST_FONT, _FIRST_PAGE = 1, 2, 3, 5
_MARGIN_PT = 18.0


@dataclass(frozen=True, slots=True)
class Run:
    """Text on one line; its base line begins at `x_pt` from the left and `y_pt` from the top."""

    x_pt: float
    y_pt: float
    text: str
    size_pt: float = 12.0
    font: str = COURIER

    @property
    def end_pt(self) -> float:
        """Where it ends, or a little further."""
        return self.x_pt + len(self.text) * self.size_pt * COURIER_WIDTH


@dataclass(slots=True)
class Page:
    """One sheet; it grows where something was put beyond its edge."""

    width_pt: float = A4_PT[0]
    height_pt: float = A4_PT[1]
    runs: list[Run] = field(default_factory=list)

    @property
    def sheet_pt(self) -> tuple[float, float]:
        """Width and height that nothing lies beyond."""
        right = max((run.end_pt for run in self.runs), default=0.0) + _MARGIN_PT
        bottom = max((run.y_pt for run in self.runs), default=0.0) + _MARGIN_PT
        return max(self.width_pt, right), max(self.height_pt, bottom)


def unprintable(text: str) -> str:
    """The first letter that no page can show; "" where there is none."""
    try:
        text.encode(_LETTERS)
    except UnicodeEncodeError as error:
        return text[error.start]
    return ""


def write_pdf(pages: Sequence[Page], write: Callable[[bytes], object]) -> None:
    """A PDF file of these pages; no dates, no identifiers of its own."""
    offsets: list[int] = []
    position = write_all(write, b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    for number, content in enumerate(_objects(pages), 1):
        offsets.append(position)
        position += write_all(write, b"%d 0 obj\n%s\nendobj\n" % (number, content))
    count = len(offsets) + 1
    write(b"xref\n0 %d\n0000000000 65535 f \n" % count)
    write(b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    trailer = b"trailer\n<< /Size %d /Root %d 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    write(trailer % (count, _CATALOGUE, position))


def write_all(write: Callable[[bytes], object], content: bytes) -> int:
    """Write, and tell how much that was."""
    write(content)
    return len(content)


def _objects(pages: Sequence[Page]) -> Iterator[bytes]:
    """The objects in order of their numbers, which begin with 1."""
    yield b"<< /Type /Catalog /Pages %d 0 R >>" % _TREE
    kids = b" ".join(b"%d 0 R" % (_FIRST_PAGE + 2 * n) for n in range(len(pages)))
    yield b"<< /Type /Pages /Count %d /Kids [ %s ] >>" % (len(pages), kids)
    for name in _FONTS.values():
        font = "<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>"
        yield (font % name).encode()
    for number, page in enumerate(pages):
        yield _page(page, _FIRST_PAGE + 2 * number + 1)
        content = _content(page)
        yield b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)


def _page(page: Page, content: int) -> bytes:
    fonts = " ".join(f"/{key} {_FIRST_FONT + n} 0 R" for n, key in enumerate(_FONTS))
    width, height = page.sheet_pt
    return (
        f"<< /Type /Page /Parent {_TREE} 0 R /MediaBox [ 0 0 {width:.2f} {height:.2f} ]"
        f" /Resources << /Font << {fonts} >> >> /Contents {content} 0 R >>"
    ).encode()


def _content(page: Page) -> bytes:
    height = page.sheet_pt[1]
    return b"\n".join([b"BT", *(_shown(run, height) for run in page.runs), b"ET"])


def _shown(run: Run, height_pt: float) -> bytes:
    place = f"/{run.font} {run.size_pt:.2f} Tf 1 0 0 1 {run.x_pt:.2f} {height_pt - run.y_pt:.2f}"
    text = run.text.encode(_LETTERS)
    for special in (b"\\", b"(", b")"):
        text = text.replace(special, b"\\" + special)
    return b"%s Tm (%s) Tj" % (place.encode(), text)
