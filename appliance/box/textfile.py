"""Owns reading a text file as people write it: its encoding, its lines `key = value`. Pure.

Whatever an editor did to it is put up with: line ends and byte order marks of all kinds, UTF-16,
smart quotes, tabs, capitals, a colon for the equals sign.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 64 << 10
BLANKED = "*"
"""What stands in the place of every letter of a secret that was taken over."""

_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_NO_TEXTS = (
    (b"PK\x03\x04", "a Word or OpenOffice document"),
    (b"\xd0\xcf\x11\xe0", "a Word document"),
    (b"{\\rtf", "formatted text (RTF)"),
    (b"%PDF", "a PDF"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
)
_SPACES = dict.fromkeys(map(ord, "\t\v\f\xa0\u2007\u200b\u200e\u200f\u202f\u3000\ufeff"), " ")
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")
_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n|\Z)")
_REMARK = re.compile(r"\s*([#;]|//|$)")
_ENTRY = re.compile(r"\s*([^=:\uff1a\uff1d]+?)\s*[=:\uff1a\uff1d]\s*(.*?)\s*")
_QUOTES = {
    '"': '"',
    "'": "'",
    "`": "`\u00b4'",
    "\u00b4": "\u00b4",
    "\u2018": "\u2019\u2018",
    "\u2019": "\u2019",
    "\u201a": "\u2018\u2019",
    "\u201c": "\u201d\u201c",
    "\u201d": "\u201d",
    "\u201e": "\u201c\u201d",
    "\u00ab": "\u00bb",
    "\u00bb": "\u00ab",
}
"""What begins a quotation, and what may end it."""
_FEWEST = 2


class NotText(ValueError):
    """The file is something else; the message says what."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line that says something."""

    number: int
    key: str
    """In small letters, dashes between its words; the whole line where there is no `=`."""
    value: str | None
    """As it stands there (see `word` and `secret`); None where there is no `=`."""
    span: tuple[int, int] = (0, 0)
    """Where in the file the value's bytes are."""


def lines(content: bytes) -> Iterator[Line]:
    """What it says, in its order. Raises NotText."""
    text, encoding, skipped = _decoded(content)
    for number, found in enumerate(_LINE.finditer(text), 1):
        line = found[1].translate(_SPACES)
        if _REMARK.match(line):
            continue
        entry = _ENTRY.fullmatch(line)
        if entry is None:
            yield Line(number, " ".join(line.split()), None)
            continue
        start, end = (found.start() + entry.start(2), found.start() + entry.end(2))
        raw = text[start:end]
        first = skipped + len(text[:start].encode(encoding))
        span = (first, first + len(raw.encode(encoding)))
        yield Line(number, key_of(entry[1]), entry[2], span)


def key_of(said: str) -> str:
    """A key as it is called here, however it was written."""
    folded = unicodedata.normalize("NFKC", said.translate(_DASHES)).casefold()
    return re.sub(r"[\s_-]+", "-", re.sub(r"[\"'\u2018-\u201f*]", "", folded).strip())


def word(value: str) -> str:
    """An ordinary value: without a remark behind it, quotes and decorated letters."""
    bare = re.sub(r"\s+#.*", "", value).translate(_DASHES)
    return unicodedata.normalize("NFKC", _unquoted(bare.strip())).strip()


def secret(value: str) -> str:
    """A password: all of it counts but quotes around it."""
    return _unquoted(value)


def blanked(content: bytes, spans: list[tuple[int, int]]) -> bytes:
    """The same file, to the byte as long, with nothing to read at those places."""
    _, encoding, _ = _decoded(content)
    star = BLANKED.encode(encoding)
    for start, end in spans:
        content = content[:start] + star * ((end - start) // len(star)) + content[end:]
    return content


def is_blanked(value: str) -> bool:
    """Whether a secret stood there that was taken over before."""
    return bool(value) and not value.strip(BLANKED)


def _unquoted(value: str) -> str:
    if len(value) >= _FEWEST and value[-1] in _QUOTES.get(value[0], ""):
        return value[1:-1]
    return value


def _decoded(content: bytes) -> tuple[str, str, int]:
    """The text, its encoding, and how many bytes before it say which."""
    _must_be_text(content)
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _text(content[len(mark) :], encoding), encoding, len(mark)
    encoding = _guessed(content)
    return _text(content, encoding), encoding, 0


def _must_be_text(content: bytes) -> None:
    if len(content) > LARGEST:
        what = f"too long: {len(content)} bytes, of which {LARGEST} are read"
        raise NotText(what)
    start = content[:64].lstrip().lower()
    for magic, what in _NO_TEXTS:
        if start.startswith(magic.lower()):
            raise NotText(what)


def _guessed(content: bytes) -> str:
    """What it is in, where no mark says so: zeros beside plain letters are UTF-16."""
    if b"\0" in content:
        is_little = content[1::2].count(0) > content[::2].count(0)
        return "utf-16-le" if is_little else "utf-16-be"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"  # what Windows calls ANSI
    return "utf-8"


def _text(content: bytes, encoding: str) -> str:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        what = f"not plain text (byte {error.start})"
        raise NotText(what) from error
    if strange := re.search(r"[^\t\n\v\f\r\x1a -\x7e\x80-\U0010ffff]", text):
        what = f"not plain text (character {ord(strange[0])})"
        raise NotText(what)
    return text.replace("\x1a", " ")  # where DOS ended a text
