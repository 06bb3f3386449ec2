"""Owns reports: a PDF as it lies; PostScript, PCL and plain text printed as PDF."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.convert import pcl, plain_text, postscript
from appliance.convert.pages import write_pdf
from appliance.convert.source import Found, decoding
from appliance.elements import EXPLICIT_LE
from appliance.errors import UnencodableName, UnsupportedFormat
from appliance.model import BodyKind, Slice
from appliance.peek import Format, Garbled, opened
from appliance.settings.sop_classes import ENCAPSULATED_PDF

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import BinaryIO

    from appliance.convert.pages import Page
    from appliance.convert.source import Source

    Write = Callable[[bytes], object]

_MOST_PRINT_BYTES = 4 << 20
_CHUNK = 1 << 20
_FRAMES_DRAWN = "Frames that were drawn with letters are drawn with + - | here."


def read(source: Source, form: Format) -> Found:
    """One report. Raises Held and Quarantined."""
    if form is Format.PDF:
        return _found(source, Slice(source.path, 0, source.path.stat().st_size))
    if source.path.stat().st_size > _MOST_PRINT_BYTES:
        detail = f"a report of more than {_MOST_PRINT_BYTES >> 20} MB is not printed"
        raise UnsupportedFormat(name=source.name, detail=detail)
    if form is Format.POSTSCRIPT:
        return _postscript(source)
    with decoding(source, form):
        pages, notes = _READERS[form](source)
    return _printed(source, lambda write: write_pdf(pages, write), notes)


def _postscript(source: Source) -> Found:
    with tempfile.TemporaryFile() as pdf:
        with decoding(source, Format.POSTSCRIPT):
            program = postscript.program_in(source.path.read_bytes())
            postscript.to_pdf(source.name, program, pdf)
        return _printed(source, lambda write: _pump(pdf, write))


def _pump(file: BinaryIO, write: Write) -> None:
    file.seek(0)
    while chunk := file.read(_CHUNK):
        write(chunk)


def _printed(
    source: Source, produce: Callable[[Write], object], notes: tuple[str, ...] = ()
) -> Found:
    path = source.make_body(produce)
    return _found(source, Slice(path, 0, path.stat().st_size), notes)


def _found(source: Source, piece: Slice, notes: tuple[str, ...] = ()) -> Found:
    attributes = {
        "SOPClassUID": ENCAPSULATED_PDF,
        "Modality": source.profile.modality or "DOC",
        "EncapsulatedDocumentLength": piece.length,
    }
    return Found(BodyKind.DOCUMENT, EXPLICIT_LE, (piece,), attributes, (), notes)


# What a printer would have printed


def _text(source: Source) -> tuple[list[Page], tuple[str, ...]]:
    try:
        text = plain_text.decoded(_content(source), source.profile.charset)
        shown, foreign = plain_text.printable(text)
        _must_show(source, foreign)
        return plain_text.pages(shown), () if shown == text else (_FRAMES_DRAWN,)
    except Garbled as error:
        raise UnsupportedFormat(name=source.name, detail=error.detail) from error
    except UnicodeDecodeError as error:
        raise _unreadable(source) from error


def _pcl(source: Source) -> tuple[list[Page], tuple[str, ...]]:
    printer = pcl.Printer(source.profile.charset)
    try:
        printer.feed(_content(source))
    except Garbled as error:
        raise UnsupportedFormat(name=source.name, detail=error.detail) from error
    except UnicodeDecodeError as error:
        raise _unreadable(source) from error
    notes = list(printer.notes)
    pages = [_plain(source, page, notes) for page in printer.pages]
    if not pages:
        raise UnsupportedFormat(name=source.name, detail="it prints no words")
    return pages, tuple(notes)


def _plain(source: Source, page: Page, notes: list[str]) -> Page:
    """The page in letters that can be shown."""
    for number, run in enumerate(page.runs):
        shown, foreign = plain_text.printable(run.text)
        _must_show(source, foreign)
        if shown != run.text:
            page.runs[number] = replace(run, text=shown)
            notes[:] = [note for note in notes if note != _FRAMES_DRAWN] + [_FRAMES_DRAWN]
    return page


_READERS: Mapping[Format, Callable[[Source], tuple[list[Page], tuple[str, ...]]]] = {
    Format.TEXT: _text,
    Format.PCL: _pcl,
}


def _content(source: Source) -> bytes:
    """What is printed, without the marks of who carried it."""
    with opened(source.path) as peek:
        start, end = peek.text_span()
        return peek.at(start, end - start)


def _unreadable(source: Source) -> UnencodableName:
    declared = source.profile.charset or "Latin-1, and no other character set is declared"
    return UnencodableName(
        what="The text", name=source.name, why=f"its letters are not of {declared}"
    )


def _must_show(source: Source, letter: str) -> None:
    """Raises UnencodableName for a letter that the report's fonts do not have."""
    if letter:
        why = f"the report's fonts have no letter such as {letter!r}"
        raise UnencodableName(what="The text", name=source.name, why=why)
