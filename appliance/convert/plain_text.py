"""Owns laying out plain text as a line printer would: form feeds, overstrikes, long lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.convert.pages import A4_PT, COURIER_WIDTH, MOST_PAGES, Page, Run, unprintable
from appliance.peek import Garbled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ROWS = 66
_FEWEST_COLUMNS, _MOST_COLUMNS = 80, 200
_MARGIN_PT = 28.0
_TAB = 8
_SILENT = dict.fromkeys(map(ord, "\a\x0e\x0f\x12\x14"))  # bell, and shifts of width
_BOX = {**dict.fromkeys("─━═╌╍┄┅┈┉╴╶╸╺", "-"), **dict.fromkeys("│┃║╎╏┆┇┊┋╵╷╹╻", "|")}
_FIRST_LINE, _FIRST_BLOCK, _LAST_BLOCK = "\u2500", "\u2580", "\u259f"

_Row = list[str]  # what was struck at each column, one letter over the other


def decoded(content: bytes, charset: str) -> str:
    """Text of a report in the profile's character set; else UTF-8 where it is that, else Latin-1.

    Raises UnicodeDecodeError where it is none of them.
    """
    if charset:
        return content.decode(charset)
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252")


def printable(text: str) -> tuple[str, str]:
    """The text in letters that pages can show, and the first letter that none can stand for.

    Frames drawn with letters (code page 437) are drawn with + - | instead.
    """
    shown = "".join(map(_plain, text)) if unprintable(text) else text
    return shown, unprintable(shown)


def _plain(char: str) -> str:
    if _FIRST_LINE <= char < _FIRST_BLOCK:
        return _BOX.get(char, "+")
    return "#" if _FIRST_BLOCK <= char <= _LAST_BLOCK else char


def pages(text: str) -> list[Page]:
    """The pages of a text; empty ones are left out. Raises Garbled where there are too many."""
    if text.count("\f") + text.count("\n") / _ROWS > MOST_PAGES:
        raise Garbled(detail=f"it prints more than {MOST_PAGES} pages")
    # Devices that end lines with CR alone mean a new line by it, not one printed over another.
    if "\n" not in text:
        text = text.replace("\r", "\n")
    sheets = [_struck(sheet) for sheet in text.translate(_SILENT).split("\f")]
    longest = max((len(row) for rows in sheets for row in rows), default=0)
    columns = min(max(longest, _FEWEST_COLUMNS), _MOST_COLUMNS)
    folded = [[part for row in rows for part in _folded(row, columns)] for rows in sheets]
    parts = (rows[at : at + _ROWS] for rows in folded for at in range(0, len(rows), _ROWS))
    return [_page(part, columns) for part in parts if any(any(row) for row in part)]


def _struck(sheet: str) -> list[_Row]:
    """One row after the other, as the print head leaves them."""
    rows = [_struck_row(line) for line in sheet.replace("\v", "\n").split("\n")]
    while rows and not any(rows[-1]):
        rows.pop()
    return rows


def _struck_row(line: str) -> _Row:
    row: _Row = []
    column = 0
    for char in line:
        if char == "\r":
            column = 0
        elif char == "\b":
            column = max(column - 1, 0)
        elif char == "\t":
            column += _TAB - column % _TAB
        else:
            row.extend([""] * (column + 1 - len(row)))
            if char not in row[column] and char != " ":
                row[column] += char
            column += 1
    return row


def _folded(row: _Row, columns: int) -> Iterator[_Row]:
    """A line that is longer than any printer's goes on in the next one."""
    for at in range(0, max(len(row), 1), columns):
        yield row[at : at + columns]


def _page(rows: Sequence[_Row], columns: int) -> Page:
    width_pt = (A4_PT[0] - 2 * _MARGIN_PT) / columns
    leading_pt = (A4_PT[1] - 2 * _MARGIN_PT) / _ROWS
    page = Page()
    for number, row in enumerate(rows, 1):
        for text in _layers(row):
            y_pt = _MARGIN_PT + number * leading_pt
            page.runs.append(Run(_MARGIN_PT, y_pt, text, width_pt / COURIER_WIDTH))
    return page


def _layers(row: _Row) -> Iterator[str]:
    """What was struck first at each column, then what was struck over it."""
    for depth in range(max(map(len, row), default=0)):
        yield "".join(cell[depth : depth + 1] or " " for cell in row).rstrip()
