"""Owns the end of a report: PDF and PostScript by their end marks; other print data has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.peek import EndsEarly

if TYPE_CHECKING:
    from appliance.peek import Peek

_MARK = b"%%EOF"
_TAIL_BYTES = 4096  # readers look for it in the last kilobyte; block transfers pad by another
_LINE_ENDS = (b"\r\n", b"\n", b"\r")
_STRUCTURED = b"%!PS-Adobe-"


def pdf_end(peek: Peek) -> int:
    """Behind the last end mark and its line (ISO 32000-1, 7.5.5). Raises EndsEarly."""
    end = _marked_end(peek)
    if end is None:
        raise EndsEarly(detail=f"its end mark ({_MARK.decode()}) is missing")
    return end


def postscript_end(peek: Peek) -> int:
    """Where it says that it keeps to the structuring conventions, its end mark must be there."""
    if (end := _marked_end(peek)) is not None:
        return end
    if _STRUCTURED in peek.at(0, min(peek.size, _TAIL_BYTES)):
        raise EndsEarly(detail=f"its end mark ({_MARK.decode()}) is missing")
    return peek.text_end()


def text_end(peek: Peek) -> int:
    """A text does not say where it ends, but its carrier may; its marks are no part of a text.

    Raises EndsEarly.
    """
    peek.text_span()
    return peek.text_end()


def print_end(peek: Peek) -> int:
    """Data for a printer may be any bytes to the last one. Raises EndsEarly."""
    peek.text_span()
    return peek.size


def _marked_end(peek: Peek) -> int | None:
    start = max(peek.size - _TAIL_BYTES, 0)
    tail = peek.at(start, peek.size - start)
    at = tail.rfind(_MARK)
    if at < 0:
        return None
    at += len(_MARK)
    line_end = next((each for each in _LINE_ENDS if tail.startswith(each, at)), b"")
    return start + at + len(line_end)
