"""Owns printed pages, and having them written as PDF: the same pages are the same bytes, always.

The fonts are two of the fourteen that every reader has (ISO 32000-1, 9.6.2.2), so none is
embedded; their letters are those of Windows-1252.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING

from reportlab.pdfgen.canvas import Canvas

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

A4_PT = (595.0, 842.0)
COURIER, HELVETICA = "Courier", "Helvetica"
COURIER_WIDTH = 0.6  # of its size, each letter
MOST_PAGES = 2_000

_LETTERS = "cp1252"
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
    """A PDF file of these pages; it claims no author, and no date."""
    file = BytesIO()
    canvas = Canvas(file, pageCompression=0, invariant=1)
    canvas.setDateFormatter(lambda *_: "")
    for say in (canvas.setTitle, canvas.setAuthor, canvas.setCreator, canvas.setSubject):
        say("")
    for page in pages:
        _draw(page, canvas)
    canvas.save()
    write(file.getvalue())


def _draw(page: Page, canvas: Canvas) -> None:
    width_pt, height_pt = page.sheet_pt
    canvas.setPageSize((width_pt, height_pt))
    text = canvas.beginText()
    for run in page.runs:
        text.setFont(run.font, run.size_pt)
        text.setTextOrigin(run.x_pt, height_pt - run.y_pt)
        text.textOut(run.text)
    canvas.drawText(text)
    canvas.showPage()
